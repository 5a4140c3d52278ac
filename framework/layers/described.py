"""What the library's own layers have in common: configs that are read from their attributes."""

from typing import Any

from ..configs import described_values, parameters_of, plain_class
from ..core.layer import LAYER_ARGUMENTS, Layer

_PACKAGE = __name__.rpartition(".")[0]


class Described(Layer):
    """Base of layers whose attributes bear the names of their constructor's arguments.

    The config says what the attributes hold, so that an argument that was left open, such as
    `data_format=None`, is written as the setting that it stood for. A subclass of the user's finds
    them in `super().get_config()`, as in Keras. Where the name of an argument is taken by something
    else, the attribute has an underscore before it.
    """

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        cls = plain_class(type(self))
        own = next(c for c in cls.__mro__ if c.__module__.startswith(_PACKAGE))
        if default and cls is not own:  # a user's class, which the arguments that it took describe
            return super()._config_arguments(default)
        names = (n for n in parameters_of(own, Layer) if n not in LAYER_ARGUMENTS)
        values = {n: getattr(self, f"_{n}" if hasattr(self, f"_{n}") else n) for n in names}
        if "activity_regularizer" in parameters_of(own, Layer):
            values["activity_regularizer"] = self.activity_regularizer
        return described_values(self, values)
