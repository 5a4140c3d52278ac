"""MultiOptimizer: an optimizer for each part of a model, chosen by the paths of variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

from .. import configs
from ..configs import Configurable
from ..core.variable import Variable
from .loss_scale_optimizer import LossScaleOptimizer
from .optimizer import Optimizer
from .slots import as_variables


class OptimizerMap(Configurable, MutableMapping):
    """Maps paths of variables to optimizers, by patterns.

    A pattern is matched with the whole path (`re.fullmatch`): as isozoo writes it,
    `encoder.dense.kernel`, and as Keras does, `encoder/dense/kernel`.

    Args:
        default_optimizer: the optimizer of variables that no pattern fits.
        optimizer_map: dict of pattern -> optimizer.

    Raises TypeError for a default that is no optimizer, or a map that is no dict.
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                "default_optimizer must be an Optimizer instance, such as Adam(). Received: "
                f"{default_optimizer}"
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(
                "optimizer_map must be a dictionary of pattern -> optimizer. Received: "
                f"{optimizer_map}"
            )
        self._default_optimizer = default_optimizer
        self._optimizer_map = dict(optimizer_map or {})

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that no pattern fits."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        found = self._optimizer_map.get(key)
        if found is not None:
            return found
        forms = {key, key.replace(".", "/")}
        fitting = [
            pattern
            for pattern in self._optimizer_map
            if any(re.fullmatch(pattern, form) for form in forms)
        ]
        if len(fitting) > 1:
            raise ValueError(
                f"Multiple optimizers assigned to variable {key}: the patterns {fitting} fit it. "
                "Make them so that one fits."
            )
        return self._optimizer_map[fitting[0]] if fitting else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"key must be a string, a pattern of paths. Received: {key}")
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value "
                f"{self._optimizer_map[key]}. Delete it first, or use another pattern."
            )
        if not isinstance(optimizer, Optimizer):
            raise ValueError(
                f"optimizer must be an Optimizer instance, such as Adam(). Received: {optimizer}"
            )
        for kind in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(optimizer, kind):
                raise ValueError(f"optimizer cannot be {kind.__name__}. Put one around the whole.")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    # Two maps are equal if they are the same object; Mapping would compare what they hold.
    __eq__ = object.__eq__

    def __hash__(self) -> int:
        return id(self)

    def __call__(self, variable: Any) -> Optimizer:
        """Returns the optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same map again."""
        return {
            "default_optimizer": configs.serialize(self._default_optimizer),
            "optimizer_map": configs.serialize(self._optimizer_map),
        }


class MultiOptimizer(Optimizer):
    """Takes the steps of several optimizers, each of its own part of the variables.

    Args:
        optimizer_map: OptimizerMap, or function of a variable that returns its optimizer.
        loss_scale_factor: what `scale_loss` multiplies losses by; all optimizers get it.
        name: of the optimizer.
    """

    def __init__(
        self,
        optimizer_map: Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        self.optimizers: list[Optimizer] = []
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        for optimizer in getattr(optimizer_map, "values", list)():
            self._include(optimizer)
        default = getattr(optimizer_map, "default_optimizer", None)
        if default is not None:
            self._include(default)

    def _include(self, optimizer: Optimizer) -> int:
        """The number of an optimizer among all, to which it is added if it is new."""
        for number, known in enumerate(self.optimizers):
            if known is optimizer:
                return number
        optimizer.loss_scale_factor = self.loss_scale_factor
        self.optimizers.append(optimizer)
        return len(self.optimizers) - 1

    def _choice(self, variable: Any) -> int:
        """The number of the optimizer of a variable."""
        found = self._optimizer_map(variable)
        if not isinstance(found, Optimizer):
            raise ValueError(
                f"Optimizer for variable {variable.path!r} is not an Optimizer instance: the map "
                f"gave {found!r}."
            )
        for kind in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(found, kind):
                raise ValueError(
                    f"{kind.__name__} cannot be used inside an MultiOptimizer. Put one around the "
                    "whole, or use the optimizers in it."
                )
        return self._include(found)

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self._choices = [self._choice(v) for v in variables]
        for number, optimizer in enumerate(self.optimizers):
            own = [v for v, n in zip(variables, self._choices, strict=True) if n == number]
            if own:
                optimizer.build(own)

    @property
    def variables(self) -> list[Variable]:
        """All variables: its own, then those of each optimizer."""
        theirs = [v for optimizer in self.optimizers for v in optimizer.variables]
        known = {id(v) for v in theirs}
        return [*(v for v in super().variables if id(v) not in known), *theirs]

    @property
    def learning_rate(self) -> Any:
        """Not there: each optimizer has its own. Raises AttributeError."""
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the "
            "individual sub-optimizers instead: `optimizer.optimizers[0].learning_rate`."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        """Refuses a rate: each optimizer has its own. Raises AttributeError."""
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the "
            "individual sub-optimizers instead: `optimizer.optimizers[0].learning_rate = 0.1`."
        )

    @property
    def loss_scale_factor(self) -> float | None:
        """What losses are multiplied by; setting it sets it on all optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        """Sets the factor of losses on this optimizer and on all that it holds."""
        self._loss_scale_factor = value
        for optimizer in self.optimizers:
            optimizer.loss_scale_factor = value

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Takes a step of each optimizer along the gradients of its variables.

        Args:
            grads: a gradient, or None, for each variable.
            trainable_variables: the variables; those that the optimizer was built with unless
                given.

        Raises:
            ValueError: as of `Optimizer.apply`.
        """
        if len(grads) == 0:
            return
        variables = self._known_variables(grads, trainable_variables)
        pairs = list(zip(grads, variables, strict=True))
        for number, optimizer in enumerate(self.optimizers):
            own = [(g, v) for g, v in pairs if self._choices[self._get_variable_index(v)] == number]
            if own:
                optimizer.apply_gradients(own)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Puts each optimizer's moving averages in the place of its variables' values."""
        held = as_variables(var_list, self._wrapped)
        for number, optimizer in enumerate(self.optimizers):
            own = [v for v in held if self._choices[self._get_variable_index(v)] == number]
            if own:
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same optimizer again, without its state."""
        return {
            "optimizer_map": configs.serialize(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }
