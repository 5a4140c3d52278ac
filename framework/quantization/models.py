"""Quantization of all layers of a model."""

import re
import warnings
from collections.abc import Callable
from typing import Any

from ..core.layer import Layer
from ..core.views import KeepsViews
from ..quantizers.settings import validate_and_resolve_config


class QuantizableModel(Layer):
    """`quantize` of a model; mixed into Model."""

    def quantize(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        mode: Any = None,
        config: Any = None,
        filters: str | list[str] | tuple[str, ...] | Callable[[Layer], bool] | None = None,
        type_check: bool = True,
        **kwargs: Any,
    ) -> None:
        """Quantizes the weights of all layers inside that can be; the others are warned about.

        Args:
            mode: "int8", "int4", "float8", "gptq" or "awq"; that of `config` if None.
            config: a QuantizationConfig of the mode; the mode's default if None.
            filters: which layers: a regular expression found in their names, several of which one
                is found, or a function of the layer; all if None. Of graphs from outside they are
                asked of the weights' names.
            type_check: whether layers of classes derived from the library's are left alone.
            **kwargs: no others; they are an error.

        Raises:
            ValueError: another mode or argument; a model that is not built; for "gptq" and "awq" no
                data, tokenizer or structure of blocks.
        """
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}"
            )
        if filters is not None and not (
            isinstance(filters, str | list | tuple) or callable(filters)
        ):
            raise ValueError(
                "The `filters` argument must be a regex string, a list of regex strings, or a "
                f"callable. Received: {type(filters)}"
            )
        config = validate_and_resolve_config(mode, config)
        if config.mode in ("gptq", "awq"):
            from .calibration import calibrate

            calibrate(self, config, lambda layer: is_wanted(layer, filters))
            self.touch()
            return
        for layer in self._flatten_layers():
            if isinstance(layer, KeepsViews):
                # A graph from outside, or a part of one, which the graph's own method quantizes.
                if isinstance(layer, QuantizableModel):
                    try:
                        layer.quantize(config=config, filters=filters)
                    except ValueError as error:  # none of its weights is meant, or not so
                        warnings.warn(str(error), stacklevel=2)
                continue
            if len(layer._flatten_layers()) > 1 or not is_wanted(layer, filters):
                continue
            try:
                layer.quantize(config.mode, config=config, type_check=type_check)
            except NotImplementedError as error:
                warnings.warn(str(error), stacklevel=2)
        self.touch()

    def get_quantization_layer_structure(self, mode: str | None = None) -> dict[str, Any] | None:
        """Returns the layers that "gptq" and "awq" go through, for a subclass to tell.

        Returns:
            A dict of lists of layers, "pre_block_layers" and "sequential_blocks"; None where the
            config has to say them.
        """
        return None


def is_wanted(layer: Layer, filters: Any) -> bool:
    """Tells whether the filters of `quantize` take a layer in."""
    if filters is None:
        return True
    if isinstance(filters, str):
        return re.search(filters, layer.name) is not None
    if isinstance(filters, list | tuple):
        return any(re.search(pattern, layer.name) for pattern in filters)
    return bool(filters(layer))
