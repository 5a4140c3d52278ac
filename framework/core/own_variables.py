"""What a layer itself writes to a weights file, and reads from one."""

from collections.abc import MutableMapping
from typing import Any

from .trackable import Trackable, foreign_variables
from .variable import OwnState, Variable


class OwnVariables(Trackable):
    """Saving of the variables directly in a layer, by their number; mixed into Layer.

    A layer whose state is more than its variables overrides both methods. It may define
    `save_assets(folder)` and `load_assets(folder)` too, which write files to a folder and read
    them.
    """

    name: str
    built: bool

    def own_variables(self) -> list[Variable]:
        """Returns the variables directly in the layer, those that want to train first.

        Seeds' states are left out. The order is that of Keras's weights files.
        """
        found = [part for _, part in self.tracked_parts() if isinstance(part, Variable)]
        found += [variable for _, variable in foreign_variables(self)]  # of modules of torch's own
        found = list({id(v): v for v in found if not isinstance(v, OwnState)}.values())
        return [v for v in found if v._wanted] + [v for v in found if not v._wanted]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Puts the values of `own_variables` into a mapping, as "0", "1" and so on.

        Args:
            store: takes NumPy arrays, tensors and variables.
        """
        for number, variable in enumerate(self.own_variables()):
            store[str(number)] = variable

    def load_own_variables(self, store: Any) -> None:
        """Assigns what `save_own_variables` put into a mapping.

        Args:
            store: a mapping from "0", "1" and so on to arrays.

        Raises:
            ValueError: another number of arrays, or one of another shape.
        """
        held = self.own_variables()
        problem = unfit(self, len(held), len(store.keys()))
        if problem:
            raise ValueError(problem)
        for number, variable in enumerate(held):
            variable.assign(store[str(number)])


def unfit(layer: Any, expected: int, found: int) -> str:
    """Returns what is wrong if a file has `found` variables for a layer; "" if nothing is."""
    if expected == found:
        return ""
    if not expected and not layer.built:
        return (
            f"Layer '{layer.name}' was never built and thus it doesn't have any variables. However "
            f"the weights file lists {found} variables for it. Build the model first, by calling "
            "it on some data or by `build`."
        )
    names = [v.name for v in layer.own_variables()]
    return (
        f"Layer '{layer.name}' expected {expected} variables, but received {found} variables "
        f"during loading. Expected: {names}"
    )
