"""Variables of an optimizer: how they are made, found, set and saved."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from .. import config, initializers
from ..context import entered
from ..core.trackable import Trackable, parts_of
from ..core.variable import Variable, in_slot, same_variable
from ..ops.dispatch import tensor
from .groups import Group

_SCALARS = {"iteration": "_iterations", "learning_rate": "_learning_rate"}


class OptimizerVariables(Trackable):
    """An owner of variables that follow those of a model; mixed into Optimizer.

    A slot's path is the path of the model's variable, and the slot's name:
    `encoder.query.kernel.momentum`.
    """

    # The model's variables are no parts of the optimizer.
    _untracked = frozenset({"_trainable_variables", "_undecayed", "_wrapped"})

    name: str
    built: bool
    _iterations: Variable
    _learning_rate: Any
    _trainable_variables: list[Variable]
    _wrapped: dict[int, Any]

    def _check_super_called(self) -> None:
        if "built" not in vars(self):
            raise RuntimeError(
                f"In optimizer '{type(self).__name__}', you forgot to call `super().__init__()` as "
                "the first statement in the `__init__()` method. Add it."
            )

    def _scalar(self, name: str, value: float, dtype: str) -> Variable:
        """A new variable without axes, as part `name`."""
        with entered(deferred=False):
            made = Variable(value, (), dtype, False, name=name, aggregation="only_first_replica")
        self.register(name, made)
        return made

    def _move_to(self, reference: Variable) -> None:
        """Puts the optimizer's own numbers where a model's variable is."""
        backend, device = reference.backend, reference.backend.device_of(reference.native)
        for name, attribute in _SCALARS.items():
            held = self._tracked.get(name)
            if held is None:
                continue
            if held.backend is not backend:
                with entered(backend=backend, device=device):
                    held = same_variable(held, backend, held.dtype)
                self.register(name, held)
                setattr(self, attribute, held)
            elif device is not None:
                held.replace_native(backend.place(held.native, device))

    def _track(self, name: str, item: Any) -> None:
        known = {id(part) for part in self._tracked.values()}
        if isinstance(item, Variable) or any(id(part) not in known for part in parts_of(item)):
            super()._track(name, item)

    # New variables ----------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Makes a variable that belongs to the optimizer.

        Args:
            shape: its shape.
            initializer: name of an initializer, or a callable `(shape, dtype) -> array`.
            dtype: name of its dtype; the default float unless given.
            aggregation: how replicas of it are joined; see Variable.
            layout: how it lies on the devices of a mesh.
            name: what it is called.
        """
        return self._new_variable(name, shape, initializer, dtype, aggregation, layout)

    def _new_variable(
        self,
        name: str | None,
        shape: Sequence[int],
        initializer: Any,
        dtype: str | None,
        aggregation: str = "none",
        layout: Any = None,
        reference: Variable | None = None,
    ) -> Variable:
        self._check_super_called()
        backend = self._iterations.backend
        place = self._iterations if reference is None else reference
        with entered(backend=backend, device=backend.device_of(place.native), deferred=False):
            made = Variable(
                initializers.get(initializer),
                tuple(shape),
                dtype,
                False,
                aggregation=aggregation,
                layout=layout,
                name=name,
                memory_format=None if reference is None else reference.memory_format,
            )
        path = made.name if reference is None else f"{reference.path}.{name}"
        if reference is not None:
            made.name = path.replace(".", "_").replace("/", "_")
        self.register(self._free_path(path), made)
        return made

    def _free_path(self, path: str) -> str:
        """`path`, with a number behind it if a part has it already."""
        found, number = path, 0
        while found in self._tracked:
            number += 1
            found = f"{path}_{number}"
        return found

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Makes a slot: a variable of the shape and dtype of one of the model's.

        Args:
            reference_variable: the model's variable.
            name: what the slot is called behind the variable's path; "var" unless given.
            initializer: name of an initializer, or a callable `(shape, dtype) -> array`.
        """
        x = reference_variable
        layout = getattr(x, "layout", None)
        if layout is None and (distribution := config.distribution()) is not None:
            layout = distribution.get_variable_layout(x)
        return self._new_variable(
            name or "var", x.shape, initializer, x.dtype, layout=layout, reference=x
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Any], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Makes slots for all variables; None for those that are overwritten with their gradient.

        Args:
            trainable_variables: the model's variables.
            name: of the slots, or a list of several names.
            initializer: one for all, or a list with one for each name.

        Returns:
            A list of slots in the order of the variables; for several names a tuple of lists.

        Raises:
            ValueError: other numbers of initializers than of names.
        """
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, list | tuple)
        starts = list(initializer) if several else [initializer] * len(names)
        if len(names) != len(starts):
            raise ValueError(
                "The number of provided names must match the number of provided initializers. "
                f"Received name={name!r}, initializer={initializer!r}; give one initializer for "
                "each name, or one for all."
            )
        found: tuple[list[Any], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for slots, slot_name, start in zip(found, names, starts, strict=True):
                slots.append(
                    None
                    if overwritten(variable)
                    else self.add_variable_from_reference(variable, slot_name, start)
                )
        return found[0] if isinstance(name, str) else found

    # Finding them -----------------------------------------------------------------------------

    def _var_key(self, variable: Any) -> int:
        return id(variable)

    def _indices(self) -> dict[int, int]:
        """Each variable's number among those that the optimizer was built with, by `_var_key`."""
        found = self._cache.get("indices")
        if found is None:
            found = {self._var_key(v): i for i, v in enumerate(self._trainable_variables)}
            self._cache["indices"] = found
        return found

    def _get_variable_index(self, variable: Any) -> int:
        return self._indices()[self._var_key(variable)]

    def slot(self, slots: Sequence[Any], variable: Any) -> Any:
        """Returns a variable's slot out of `slots`, which has one for each; a group's as a Group.

        Args:
            slots: what `add_optimizer_variables` gave.
            variable: a variable of the model, or a Group of such.
        """
        if type(variable) is Group:
            return Group([slots[i] for i in variable.indices], variable.indices)
        return slots[self._get_variable_index(variable)]

    # Values -----------------------------------------------------------------------------------

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the values of `variables`, in their order.

        Raises:
            ValueError: the optimizer is not built, or a shape differs.
        """
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. Call "
                "`optimizer.build(trainable_variables)` to make its variables first."
            )
        for variable, weight in zip(self.variables, weights, strict=False):
            if tuple(variable.shape) != tuple(weight.shape):
                raise ValueError(
                    f"The optimizer variable {variable.path!r} has shape {tuple(variable.shape)}; "
                    f"got a weight of shape {tuple(weight.shape)}. Give weights in the order of "
                    "`optimizer.variables`."
                )
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Writes the values into a mapping, by their number among `variables`."""
        for number, variable in enumerate(self.variables):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads the values from a mapping that `save_own_variables` filled.

        Warns, and reads nothing, if it holds another number of variables.
        """
        held = self.variables
        if len(store.keys()) != len(held):
            warnings.warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has "
                f"{len(held)} variables whereas the saved optimizer has {len(store.keys())} "
                "variables. Build the optimizer with the variables of the same model first.",
                stacklevel=2,
            )
            return
        for number, variable in enumerate(held):
            variable.assign(store[str(number)])


def overwritten(variable: Any) -> bool:
    """Returns whether a variable takes its gradient's value instead of a step along it."""
    return bool(getattr(variable, "overwrite_with_gradient", False))


def as_variables(variables: Sequence[Any], known: dict[int, Any]) -> list[Variable]:
    """Returns variables, with a Variable in the place of each that a framework has itself.

    Args:
        variables: Variables, `torch.nn.Parameter`s, `tf.Variable`s.
        known: the Variables made before, by the identity of what is in them; is added to.
    """
    return [v if isinstance(v, Variable) else _wrapped(v, known) for v in variables]


def _wrapped(native: Any, known: dict[int, Any]) -> Variable:
    found = known.get(id(native))
    if found is None or found.native is not native:
        backend, _ = tensor(native)
        found = known[id(native)] = in_slot(backend, {"value": native}, "value")
        found.name = str(getattr(native, "name", None) or "variable").replace(":", "_")
    return found
