"""What layers with weights share: initializers, regularizers and constraints given as arguments."""

from typing import Any

from .. import constraints, initializers, regularizers
from ..core.layer import Layer
from ..core.variable import Variable


class WeightedLayer(Layer):
    """Base of layers whose arguments say how their weights begin, and what holds for them.

    A weight has a prefix, such as "kernel", and the arguments `kernel_initializer`,
    `kernel_regularizer` and `kernel_constraint`, which become attributes of those names.
    """

    # Arguments that have one form as attributes, whatever form they came in; configs hold that one.
    _standardized: tuple[str, ...] = ()

    def _describe_weight(
        self, prefix: str, initializer: Any, regularizer: Any = None, constraint: Any = None
    ) -> None:
        """Keep what the three arguments of a weight stand for."""
        setattr(self, f"{prefix}_initializer", initializers.get(initializer))
        setattr(self, f"{prefix}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{prefix}_constraint", constraints.get(constraint))

    def _make_weight(self, prefix: str, shape: tuple[int, ...], **options: Any) -> Variable:
        """A weight by what was said of it; `options` are further arguments of `add_weight`."""
        options.setdefault("initializer", getattr(self, f"{prefix}_initializer"))
        return self.add_weight(
            shape,
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
            **options,
        )

    def _settings_in_effect(self, given: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in self._standardized if name in given]
        return {
            **super()._settings_in_effect(given),
            **{name: getattr(self, name) for name in names},
        }
