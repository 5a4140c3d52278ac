"""Quantizers: numbers in fewer bits, with Keras's names."""

from typing import Any

from ..named import Names, under_both_names
from ..serialization import serialize_object
from .fake import fake_quant_with_min_max_vars as fake_quant_with_min_max_vars
from .float8 import compute_float8_amax_history as compute_float8_amax_history
from .float8 import compute_float8_scale as compute_float8_scale
from .float8 import quantize_and_dequantize as quantize_and_dequantize
from .packing import pack_int4 as pack_int4
from .packing import unpack_int4 as unpack_int4
from .parameters import compute_quantization_parameters as compute_quantization_parameters
from .parameters import dequantize_with_sz_map as dequantize_with_sz_map
from .parameters import quantize_with_sz_map as quantize_with_sz_map
from .scaling import AbsMaxQuantizer as AbsMaxQuantizer
from .scaling import Quantizer as Quantizer
from .scaling import abs_max_quantize as abs_max_quantize
from .scaling import (
    abs_max_quantize_grouped_with_zero_point as abs_max_quantize_grouped_with_zero_point,
)
from .settings import AWQConfig as AWQConfig
from .settings import Float8QuantizationConfig as Float8QuantizationConfig
from .settings import GPTQConfig as GPTQConfig
from .settings import Int4QuantizationConfig as Int4QuantizationConfig
from .settings import Int8QuantizationConfig as Int8QuantizationConfig
from .settings import QuantizationConfig as QuantizationConfig

_names = Names(
    "quantizer",
    under_both_names(
        Quantizer,
        AbsMaxQuantizer,
        QuantizationConfig,
        Int8QuantizationConfig,
        Int4QuantizationConfig,
        Float8QuantizationConfig,
        GPTQConfig,
        AWQConfig,
    ),
)


def get(identifier: Any, **kwargs: Any) -> Any:
    """Returns the quantizer of a name or config; a callable or config as it is, None for None.

    Args:
        identifier: a name, such as "abs_max_quantizer", a config, or the object itself.
        **kwargs: arguments for a class that a name stands for.

    Raises ValueError for an unknown name or anything else.
    """
    if isinstance(identifier, QuantizationConfig):
        return identifier
    if isinstance(identifier, str):
        identifier = _names.deserialize(identifier)
    elif isinstance(identifier, dict):
        identifier = _names.deserialize(identifier)
        if isinstance(identifier, QuantizationConfig):
            return identifier
    if isinstance(identifier, type):
        return identifier(**kwargs)
    return _names.get(identifier)


def serialize(initializer: Any) -> dict[str, Any]:
    """Returns the config of a quantizer, from which `deserialize` makes it."""
    return serialize_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Returns the quantizer of a config; `custom_objects` has classes by more names."""
    return _names.deserialize(config, custom_objects)
