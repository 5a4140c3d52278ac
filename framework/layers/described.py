"""What the library's own layers have in common: configs that are read from their attributes."""

from typing import Any

from .. import dtypes
from ..configs import described_values, parameters_of, plain_class
from ..core.keras_tensor import KerasTensor
from ..core.layer import Layer

_PACKAGE = __name__.rpartition(".")[0]
# What the config of every layer has, and what is written apart.
_BASE = frozenset(("name", "trainable", "dtype", "autocast", "activity_regularizer"))


class Described(Layer):
    """Base of layers whose attributes bear the names of their constructor's arguments.

    The config says what the attributes hold, so that an argument that was left open, such as
    `data_format=None`, is written as the setting that it stood for. A subclass of the user's finds
    them in `super().get_config()`, as in Keras. What is not to be read from outside has an
    underscore before its name.
    """

    # Arguments that a config does not have.
    _left_out: tuple[str, ...] = ()

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        cls = plain_class(type(self))
        own = next(c for c in cls.__mro__ if c.__module__.startswith(_PACKAGE))
        if default and cls is not own:  # a user's class, which the arguments that it took describe
            return super()._config_arguments(default)
        left_out = {*_BASE, *self._left_out}
        names = (n for n in parameters_of(own, Layer) if n not in left_out)
        values = {n: getattr(self, n if hasattr(self, n) else f"_{n}") for n in names}
        if "activity_regularizer" in parameters_of(own, Layer):
            values["activity_regularizer"] = self.activity_regularizer
        return described_values(self, values)

    def _rearranged(self, x: KerasTensor, shape: Any) -> KerasTensor:
        """`x` in another shape, as a layer gives it that computes nothing."""
        cast = self.autocast and dtypes.is_float(x.dtype)
        return KerasTensor(shape, self.compute_dtype if cast else x.dtype, sparse=x.sparse)
