"""Scales and histories of magnitudes of layers that train in float8."""

from typing import Any

from ..dtype_policies import QuantizedFloat8DTypePolicy

_MULTIPLIED = ("inputs", "kernel", "outputs_grad")
# In the order of Keras's files.
NAMES = tuple(f"{x}_{part}" for x in _MULTIPLIED for part in ("scale", "amax_history"))


def prepare(layer: Any) -> None:
    """Makes the scales, which begin with 1, and the histories, which begin with zeros.

    Their gradients are their next values: the optimizer puts these in their place.
    """
    default = QuantizedFloat8DTypePolicy.default_amax_history_length
    length = getattr(layer.dtype_policy, "amax_history_length", default)
    for x in _MULTIPLIED:
        for part, shape, initial in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
            variable = layer.add_weight(
                shape, initial, "float32", autocast=False, overwrite_with_gradient=True
            )
            setattr(layer, f"{x}_{part}", variable)
