"""Optimizer: the base of all, which turns gradients into steps of a model's variables."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import configs, dtypes, ops
from ..context import entered
from ..core import naming
from ..core.scopes import StatelessScope
from ..core.variable import Variable
from ..dtypes import wide
from ..typing import Tensor
from .arguments import COMMON, check_common
from .groups import whole_step
from .schedules import LearningRateSchedule
from .slots import as_variables
from .steps import OptimizerSteps

_UNBUILT = (
    "When passing `grads` without `variables`, the optimizer must already be built on a list of "
    "variables. Call `optimizer.build(trainable_variables)` first, or pass the variables, too."
)


class Optimizer(OptimizerSteps):
    """Base of optimizers. A subclass makes its slots in `build` and steps in `update_step`.

        class Momentum(Optimizer):
            def build(self, variables):
                super().build(variables)
                self.momentums = self.add_optimizer_variables(variables, "momentum")

            def update_step(self, gradient, variable, learning_rate):
                m = self.slot(self.momentums, variable)
                self.assign(m, ops.subtract(ops.multiply(m, 0.9), gradient * learning_rate))
                self.assign_add(variable, m)

    An optimizer belongs to the backend of the variables that it is built with.

    Args:
        learning_rate: float, LearningRateSchedule, or function without arguments.
        weight_decay: if set, each step first shrinks variables by this share times the rate.
        clipnorm: L2 norm to which the gradient of each variable is shortened.
        clipvalue: magnitude at which elements of gradients are cut off.
        global_clipnorm: L2 norm to which all gradients together are shortened.
        use_ema: whether moving averages of the variables are kept, which
            `finalize_variable_values` puts in their place.
        ema_momentum: share of the old average that stays at a step.
        ema_overwrite_frequency: after how many steps the averages are put in the variables' place;
            never during training if None.
        loss_scale_factor: what `scale_loss` multiplies losses by, and steps divide gradients by.
        gradient_accumulation_steps: over how many calls gradients are averaged before a step.
        name: of the optimizer, in its config.

    Raises:
        ValueError: an argument that is unknown or out of its range.
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("decay", None) is not None:
            warnings.warn(
                "Argument `decay` is no longer supported and will be ignored. Use a schedule of "
                "`optimizers.schedules` as the learning rate.",
                stacklevel=3,
            )
        if kwargs:
            raise ValueError(
                f"Argument(s) not recognized: {kwargs}. All optimizers take learning_rate, "
                f"{', '.join(COMMON)}."
            )
        self.name = naming.checked(name or naming.auto_name(naming.snake_case(type(self).__name__)))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.global_clipnorm = global_clipnorm
        self.clipvalue = clipvalue
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_common(self)
        self.built = False
        self._trainable_variables = []
        self._wrapped = {}
        self._undecayed = []
        self._undecayed_names = None
        self._iterations = self._scalar("iteration", 0, "int32")
        if not callable(learning_rate):
            if not isinstance(learning_rate, float):
                raise ValueError(
                    "Argument `learning_rate` should be float, or an instance of "
                    "LearningRateSchedule, or a callable without arguments that returns the "
                    f"current learning rate. Received: learning_rate={learning_rate!r}"
                )
            learning_rate = self._scalar("learning_rate", learning_rate, dtypes.standardize(None))
        self._learning_rate = learning_rate

    # What it is -------------------------------------------------------------------------------

    @property
    def iterations(self) -> Any:
        """How many steps were taken; a call that only accumulates gradients is none."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The rate of the next step: a variable, or what the schedule or function gives."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate if isinstance(rate, Variable) else rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        """Sets the rate of the steps to come.

        Args:
            learning_rate: number, or scalar tensor, for an optimizer made with a number; a schedule
                or a function without arguments for any.

        Raises:
            TypeError: a number where a schedule or a function is followed.
        """
        before = self._learning_rate
        if callable(learning_rate):
            self._learning_rate = learning_rate
            self._forget("learning_rate")
        elif isinstance(before, Variable):
            before.assign(learning_rate)
        else:
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object or a function as "
                f"its learning rate, so that of {self.name!r} is not settable to a number. Make "
                "the optimizer with a float `learning_rate`, or set another schedule."
            )

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the slots for a model's variables. A subclass that has more calls this first.

        A second call changes nothing.

        Args:
            variables: the variables that will be updated.
        """
        if self.built:
            return
        held = as_variables(variables, self._wrapped)
        self._trainable_variables = held
        self._cache.clear()
        if held:
            self._move_to(held[0])
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(held, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(v, "gradient_accumulator") for v in held
            ]
        self._make_slots(held)
        self.built = True

    def _make_slots(self, variables: Sequence[Any]) -> None:
        """The slots of an optimizer of this library, of which it makes none for itself."""

    @abstractmethod
    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Takes a step of one variable. A subclass defines it.

        Args:
            gradient: tensor of the variable's shape and dtype.
            variable: Variable, to be changed by `assign`, `assign_add` and `assign_sub`.
            learning_rate: scalar.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no `update_step(gradient, variable, learning_rate)`: "
            "define it; it changes the variable by `self.assign`."
        )

    def local_step(self, dtype: str) -> Any:
        """Returns the number of the step that is being taken, from 1.

        It is float64 for variables of that dtype, and float32 for all others: in half precision
        0.999 would be 1, and counting would end.
        """
        return ops.cast(ops.add(self.iterations, 1), wide(dtype))

    def correction(self, share: float, step: Any) -> Any:
        """Returns 1 - share ** step: the weight that a moving average from 0 has gathered.

        Args:
            share: of the old average that stays at a step.
            step: scalar, the number of steps, whose dtype the result has.
        """
        return ops.subtract(1.0, ops.power(share, step))

    def corrected_rate(self, rate: Any, step: Any, beta_1: float, beta_2: float) -> Any:
        """Returns Adam's rate for moving averages from 0, in the dtype of `step`.

        Args:
            rate: learning rate.
            step: scalar, the number of steps.
            beta_1: share of the old mean of gradients that stays at a step.
            beta_2: share of the old mean of squares that stays at a step.
        """
        rate = ops.multiply(rate, ops.sqrt(self.correction(beta_2, step)))
        return ops.cast(ops.divide(rate, self.correction(beta_1, step)), ops.dtype(step))

    def blend(self, slot: Any, new: Any, share: float) -> None:
        """Moves an average: slot <- share * slot + (1 - share) * new.

        Args:
            slot: variable of the optimizer, or a Group of such.
            new: what is averaged.
            share: of the old average that stays.
        """
        kernel = whole_step("blend", slot)
        if kernel is None:
            self.assign_add(slot, ops.multiply(ops.subtract(new, slot), 1 - share))
        else:
            kernel(slot.value, new, 1 - share)

    def assign(self, variable: Any, value: Any) -> None:
        """Replaces the values of a variable of the model or of the optimizer."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Adds to the values of a variable of the model or of the optimizer."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtracts from the values of a variable of the model or of the optimizer."""
        variable.assign_sub(value)

    # Steps ------------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Variable:
        """Takes a step along pairs (gradient, variable); returns the counter of calls."""
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(gradients, variables)
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Takes a step of the variables along their gradients.

        Args:
            grads: a gradient, or None, for each variable.
            trainable_variables: the variables; those that the optimizer was built with unless
                given. The first call builds the optimizer with them.

        Raises:
            ValueError: variables that the optimizer was not built with, another number of
                gradients than of variables, or no gradient at all.
        """
        if len(grads) == 0:
            return
        variables = self._known_variables(grads, trainable_variables)
        backend = self._iterations.backend
        device = backend.device_of(self._iterations.native)
        with entered(backend=backend, device=device, autocast=None), backend.unrecorded():
            pairs = _with_gradients(grads, variables)
            pairs = self._overwrite(pairs)
            if pairs:
                gradients = [self._unscaled(g, v) for g, v in pairs]
                self._apply_to(gradients, [v for _, v in pairs])
                for _, variable in pairs:
                    if variable.constraint is not None:
                        variable.assign(variable.constraint(variable))
            self._iterations.assign_add(1)

    def _known_variables(self, grads: Sequence[Any], variables: Any) -> list[Variable]:
        if variables is None:
            if not self.built:
                raise ValueError(_UNBUILT)
            if len(grads) != len(self._trainable_variables):
                raise ValueError(
                    "When passing `grads` as a list of gradient tensors, the gradients must match "
                    f"the variables one-to-one. Received a list of {len(grads)} gradients, but the "
                    f"optimizer was built with {len(self._trainable_variables)} variables."
                )
            return self._trainable_variables
        found = as_variables(variables, self._wrapped)
        if not self.built:
            self.build(found)
            self.built = True
        indices = self._indices()
        for variable in found:
            if self._var_key(variable) not in indices:
                raise ValueError(
                    f"Unknown variable: {variable.path!r}. This optimizer can only be called for "
                    "the variables it was originally built with. Build a new optimizer for a new "
                    "set of variables."
                )
        if len(grads) != len(found):
            raise ValueError(f"Got {len(grads)} gradients for {len(found)} variables.")
        return found

    def _unscaled(self, gradient: Any, variable: Variable) -> Any:
        if getattr(gradient, "dtype", None) != variable.native.dtype:
            gradient = ops.cast(gradient, variable.dtype)
        scale = self.loss_scale_factor
        return gradient if scale is None else ops.divide(gradient, scale)

    # Losses, and steps without a state --------------------------------------------------------

    def scale_loss(self, loss: Any) -> Any:
        """Returns a loss, multiplied by `loss_scale_factor`; `apply` divides gradients by it."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Any
    ) -> tuple[list[Any], list[Any]]:
        """Takes a step as a pure function of the variables; they themselves stay as they were.

        Args:
            optimizer_variables: native tensors, the values of `variables`.
            grads: a gradient for each variable that the optimizer was built with.
            trainable_variables: native tensors, the values of those variables.

        Returns:
            The new values of the variables, and those of the optimizer's own.

        Raises:
            ValueError: the optimizer is not built, or other numbers of tensors.
        """
        self._check_super_called()
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its "
                "variables must have been created). You can build it via "
                "`optimizer.build(trainable_variables)`."
            )
        own, model = self.variables, self._trainable_variables
        for argument, have, got in (
            ("optimizer_variables", own, optimizer_variables),
            ("trainable_variables", model, trainable_variables),
        ):
            if len(have) != len(got):
                raise ValueError(
                    f"Argument `{argument}` must be a list of tensors corresponding 1:1 to the "
                    f"variables of {type(self).__name__}. Received list with length {len(got)}, "
                    f"but expected {len(have)} variables."
                )
        values = [*zip(model, trainable_variables, strict=True)]
        values += zip(own, optimizer_variables, strict=True)
        with StatelessScope(values) as scope:
            self.apply(grads)
        current = scope.get_current_value
        return [current(v) for v in model], [current(v) for v in own]

    # Configs ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same optimizer again, without its state.

        To those that all optimizers have come the constructor's own, where an attribute has their
        name.
        """
        found: dict[str, Any] = {"name": self.name, "learning_rate": self._rate_config()}
        found.update((name, getattr(self, name)) for name in COMMON if name != "name")
        cls = configs.plain_class(type(self))
        for name in configs.parameters_of(cls, None):
            if name not in found and name in vars(self):
                found[name] = configs.serialize(getattr(self, name))
        return found

    def _rate_config(self) -> Any:
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return float(np.asarray(rate.numpy()))
        return configs.serialize(rate)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """Makes an optimizer from what `get_config` gives.

        Args:
            config: the arguments.
            custom_objects: classes and functions that the config names, by name.
        """
        return cls(**{k: configs.deserialize(v, custom_objects) for k, v in config.items()})


def _with_gradients(grads: Sequence[Any], variables: list[Variable]) -> list[tuple[Any, Variable]]:
    """The pairs (gradient, variable) that have a gradient. ValueError if none has."""
    pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    if not pairs:
        raise ValueError(
            "No gradients provided for any variable. The loss does not depend on them, or the "
            "gradients were not computed."
        )
    if len(pairs) < len(variables):
        missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        warnings.warn(
            f"Gradients do not exist for variables {missing} when minimizing the loss; they stay "
            "as they are. If using `model.compile()`, did you forget to provide a `loss` argument?",
            stacklevel=4,
        )
    return pairs
