"""Dtype policies: in which dtype a layer keeps its weights, and in which it computes."""

from typing import Any

from .. import dtypes, serialization
from ..registered import get_registered_object
from .by_path import DTypePolicyMap as DTypePolicyMap
from .policy import DTypePolicy as DTypePolicy
from .policy import FloatDTypePolicy as FloatDTypePolicy
from .policy import dtype_policy as dtype_policy
from .policy import set_global
from .quantized import QUANTIZATION_MODES as QUANTIZATION_MODES
from .quantized import AWQDTypePolicy as AWQDTypePolicy
from .quantized import GPTQDTypePolicy as GPTQDTypePolicy
from .quantized import Int4DTypePolicy as Int4DTypePolicy
from .quantized import QuantizedDTypePolicy as QuantizedDTypePolicy
from .quantized import QuantizedFloat8DTypePolicy as QuantizedFloat8DTypePolicy
from .quantized import by_name

_CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        AWQDTypePolicy,
        DTypePolicy,
        DTypePolicyMap,
        FloatDTypePolicy,
        GPTQDTypePolicy,
        Int4DTypePolicy,
        QuantizedDTypePolicy,
        QuantizedFloat8DTypePolicy,
    )
}
_made: dict[str, DTypePolicy] = {}


def set_dtype_policy(policy: Any) -> None:
    """Sets the policy of layers that are made without one: a DTypePolicy or the name of one.

    Raises ValueError for anything else.
    """
    if not isinstance(policy, DTypePolicy | str):
        raise ValueError(
            "Invalid `policy` argument. Expected the string name of a policy (such as "
            f"'mixed_float16') or a `DTypePolicy` instance. Received: policy={policy!r} (of type "
            f"{type(policy).__name__})"
        )
    set_global(get(policy))


def get(identifier: Any) -> DTypePolicy:
    """Returns the policy that a name, dtype, config or policy means; the global one for None.

    Raises ValueError for anything else.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if not isinstance(identifier, str):
        try:
            identifier = dtypes.standardize(identifier)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Cannot interpret `dtype` argument. Expected a dtype, the name of a dtype policy "
                f"or an instance of DTypePolicy. Received: dtype={identifier!r}"
            ) from error
    found = _made.get(identifier)
    if found is None:
        # "int8" and "float8_e5m2" are dtypes, too.
        plain = identifier in (*dtypes.ALL, *dtypes.STORED)
        quantized = not plain and identifier.startswith(QUANTIZATION_MODES)
        found = by_name(identifier) if quantized else DTypePolicy(identifier)
        _made[identifier] = found
    return found


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Returns a policy in the form in which configs hold it."""
    return serialization.serialize_object(dtype_policy)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> DTypePolicy:
    """Returns the policy that a config describes.

    Args:
        config: what `serialize` gives, here or in Keras; arguments of DTypePolicy alone will do.
        custom_objects: classes that it may name, too.

    Raises:
        TypeError: it names what is not known, or not a policy.
    """
    if "class_name" not in config:
        return DTypePolicy(**config)
    name = config["class_name"]
    if config.get("module") is None and get_registered_object(name, custom_objects) is None:
        # Old configs name no module.
        if name in _CLASSES:
            return _CLASSES[name].from_config(config.get("config") or {})
    made = serialization.deserialize(config, custom_objects)
    if not isinstance(made, DTypePolicy):
        raise TypeError(f"A config of a dtype policy was expected; got one of {made!r}.")
    return made
