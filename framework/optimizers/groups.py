"""Variables that are updated in one go, where the backend can compute with many tensors as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..backends import registry
from ..context import state


class Group:
    """Several variables as one: ops take it as they take a variable.

    Its value is the backend's bundle of their tensors, which have one dtype and one device.

    Args:
        variables: the variables.
        indices: which ones they are among all that the optimizer updates.
    """

    __slots__ = ("_value", "backend", "indices", "variables")

    def __init__(self, variables: Sequence[Any], indices: Sequence[int]) -> None:
        self.variables, self.indices = variables, indices
        self._value: Any = self._bundle()
        self.backend = registry.TENSORS[type(self._value)]

    def _bundle(self) -> Any:
        return self.variables[0].backend.bundle([v.value for v in self.variables])

    @property
    def value(self) -> Any:
        """The bundle of the variables' tensors."""
        return self._value

    @property
    def native(self) -> Any:
        """The tensor of the first variable."""
        return self.variables[0].native

    @property
    def dtype(self) -> str:
        """The name of the dtype."""
        return self.variables[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first variable."""
        return self.variables[0].shape

    def assign(self, value: Any) -> None:
        """Replaces the values by those of a bundle, or all by one number."""
        self._change("set_value", value, value)

    def assign_add(self, value: Any) -> None:
        """Adds to the values."""
        self._change("increase", value, None)

    def assign_sub(self, value: Any) -> None:
        """Subtracts from the values."""
        self._change("decrease", value, None)

    def _change(self, kernel: str, value: Any, new: Any) -> None:
        held, owner = self._value, self.backend
        if type(value) is Group:
            value = new = value.value
        if state.substitutes is None:
            getattr(owner, kernel)(held, value)
            return
        # In a stateless scope tensors stay as they are, and others take their place.
        if new is None:
            new = owner.add(held, value) if kernel == "increase" else owner.subtract(held, value)
        items = getattr(new, "items", None) or [new] * len(self.variables)
        for variable, item in zip(self.variables, items, strict=True):
            variable.assign(item)
        self._value = self._bundle()


registry.KINDS[Group] = registry.BOX


def grouped(variables: Sequence[Any], alike: Callable[[Any], Any]) -> list[list[int]]:
    """Returns the positions of variables that can be updated in one go, a list for each group.

    Args:
        variables: the variables.
        alike: function of a variable: what those of one group have in common, besides dtype and
            device.
    """
    found: list[list[int]] = []
    last: dict[Any, tuple[list[int], int]] = {}
    for position, variable in enumerate(variables):
        shared, limit = variable.backend.bundle_key(variable.native)
        size = math.prod(variable.shape)
        places, total = last.get((shared, alike(variable)), (None, 0))
        if places is None or (limit is not None and total + size > limit):
            places, total = [], 0
            found.append(places)
        places.append(position)
        last[shared, alike(variable)] = places, total + size
    return found


def of_group(variable: Any) -> Any:
    """Returns the first variable of a group; a variable as it is."""
    return variable.variables[0] if type(variable) is Group else variable


def parts(x: Any) -> list[Any]:
    """Returns the tensors of a bundle; a list of the tensor alone for any other."""
    items = getattr(x, "items", None)
    return items if isinstance(items, list) else [x]


def whole_step(name: str, variable: Any) -> Any:
    """Returns the kernel by which the backend takes a whole step of a group, or None.

    Args:
        name: of the kernel, such as "adam_step".
        variable: a variable or a Group.
    """
    if type(variable) is not Group or state.substitutes is not None:
        return None
    return variable.backend.whole_step(name, variable.value)


def together(update_step: Callable[..., None]) -> Callable[..., None]:
    """Marks an `update_step` that takes Groups in the place of variables, and bundles of gradients.

    It uses ops and the optimizer's `assign` methods alone, finds its slots with `slot`, and asks
    for no shapes.
    """
    update_step._takes_groups = True  # pyright: ignore[reportFunctionMemberAccess]
    return update_step


def takes_groups(optimizer: Any, backend: Any) -> bool:
    """Tells whether an optimizer's rule is one that `together` marked, and its backend has
    bundles.
    """
    return backend.bundles and getattr(type(optimizer).update_step, "_takes_groups", False)
