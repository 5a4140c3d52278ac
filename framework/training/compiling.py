"""Compiling a model, and the step that training repeats, written once for all backends."""

import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from .. import ops
from ..configs import deserialize, serialize
from ..context import entered
from ..core.trackable import Trackable
from ..nested import flatten
from ..utils.packing import unpack_x_y_sample_weight
from .inference import Inference
from .steps import with_state

_JIT_AND_EAGER = (
    "If `run_eagerly` is True, then `jit_compile` cannot also be True. Disabling `jit_compile`."
)
_NO_LOSS = (
    "No loss to compute. Provide a `loss` argument in `compile()`, or add losses in layers with "
    "`add_loss`."
)


class Setup(Trackable):
    """What `compile` leaves in a model: optimizer, losses, metrics and settings.

    Attributes:
        optimizer: an Optimizer; None for a model that only evaluates.
        loss: CompiledLoss, or None.
        metrics: CompiledMetrics, or None.
        mean_loss: the metric "loss".
        run_eagerly: whether steps run without being compiled.
        jit_compile: whether steps go through the backend's strongest compiler.
        steps_per_execution: how many batches one program takes.
        given: the arguments of `compile`.
    """

    given: dict[str, Any]

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.metrics: Any = None
        self.mean_loss: Any = None
        self.run_eagerly = False
        self.jit_compile = False
        self.steps_per_execution = 1
        # What `compile` was given is the user's: it is kept as it is, and is no part.
        vars(self)["given"] = {}


class Compiling(Inference):
    """`compile`, and the steps of `fit`, `evaluate` and `predict`; mixed into Model."""

    # What trains the model is no part of it.
    _untracked = frozenset({"_training_setup", "_trainable_when_compiled", "optimizer", "history"})
    # What `compile` set; None before.
    _training_setup: Setup | None = None
    stop_training: bool = False
    _trainable_when_compiled: list[tuple[str, bool]] | None = None

    # compile ----------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Prepares the model for training and evaluation.

        Args:
            optimizer: an Optimizer, its name, or its config; None for a model that only evaluates.
            loss: a Loss, its name, or a function `(y_true, y_pred) -> values`; for several outputs
                nested like them, or a dict by their names.
            loss_weights: a factor for each loss.
            metrics: a list of metrics, names or functions; for several outputs nested like them, or
                a dict by their names.
            weighted_metrics: metrics that take the sample weights.
            run_eagerly: whether steps run line by line, for debugging.
            steps_per_execution: how many batches one compiled program takes.
            jit_compile: whether the step goes through XLA on TensorFlow, through `torch.compile` on
                torch. "auto": on TensorFlow only where there is an accelerator, never on torch. On
                JAX the step is always compiled, unless it runs eagerly.
            auto_scale_loss: whether under the policy "mixed_float16" the optimizer scales the loss,
                so that small gradients do not become zero (LossScaleOptimizer).

        Raises:
            ValueError: an unknown name; losses or metrics that are no list or dict where one is
                needed.
        """
        # Models that only infer need none of these modules.
        from .. import optimizers
        from ..metrics import Mean
        from .compiled_loss import CompiledLoss
        from .compiled_metrics import CompiledMetrics

        if run_eagerly and jit_compile is True:
            warnings.warn(_JIT_AND_EAGER, stacklevel=2)
            jit_compile = False
        setup = Setup()
        setup.__dict__["given"] = dict(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        names = getattr(self, "output_names", None)
        with entered(backend=self._backend):
            found = setup.given["optimizer"] = optimizers.get(optimizer)
            scaled = isinstance(found, optimizers.LossScaleOptimizer)
            half = self.dtype_policy.name == "mixed_float16"
            if auto_scale_loss and found and half and not scaled:
                found = optimizers.LossScaleOptimizer(found, name="loss_scale_optimizer")
            setup.optimizer = found
            if loss is not None:
                setup.loss = CompiledLoss(loss, loss_weights, names)
            if metrics is not None or weighted_metrics is not None:
                setup.metrics = CompiledMetrics(metrics, weighted_metrics, names)
            setup.mean_loss = Mean(name="loss")
        setup.run_eagerly = bool(run_eagerly)
        setup.jit_compile = (
            self._backend.compiles_steps() and all(x.supports_jit for x in self._flatten_layers())
            if jit_compile == "auto"
            else bool(jit_compile)
        )
        setup.steps_per_execution = steps_per_execution
        self._training_setup = setup
        self._trainable_when_compiled = self._trainable_layers()
        self.stop_training = False
        self._forget_steps()

    def _trainable_layers(self) -> list[tuple[str, bool]]:
        return [(layer.name, layer.trainable) for layer in self._flatten_layers()]

    def _warn_of_changed_layers(self) -> None:
        """Warns where what trains is not what trained when `compile` was called."""
        before, now = self._trainable_when_compiled, self._trainable_layers()
        known = [] if before is None or len(before) != len(now) else zip(before, now, strict=True)
        changed = [new[0] for old, new in known if old != new]
        if changed:
            warnings.warn(
                "A layer's `trainable` state has changed since the model was compiled, of "
                f"{changed}. The step now trains what is trainable now; call `compile` again to "
                "have an optimizer for it without the old slots.",
                stacklevel=3,
            )
            self._trainable_when_compiled = now
            self._forget_steps()

    def _changed_setup(self) -> Setup:
        """The setup, of which something is about to change; one of its own before `compile`."""
        setup = self._training_setup
        if setup is None:
            setup = self._training_setup = Setup()
            setup.jit_compile = self._backend.compiles_steps()
        self._forget_steps()
        return setup

    def _forget_steps(self) -> None:
        for kind in ("train", "test", "predict"):
            self._cache.pop(("step", kind), None)

    def _compiled_setup(self, method: str) -> Setup:
        if self._training_setup is None or not self.compiled:
            raise ValueError(
                f"You must call `compile()` before calling `{method}()`: "
                "model.compile(optimizer=..., loss=...)."
            )
        return self._training_setup

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._training_setup is not None and bool(self._training_setup.given)

    @property
    def optimizer(self) -> Any:
        """The optimizer that `compile` was given; None without one."""
        return None if self._training_setup is None else self._training_setup.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        """Puts another optimizer in its place; the compiled steps are made anew."""
        self._changed_setup().optimizer = optimizer

    @property
    def loss(self) -> Any:
        """What `compile` was given as `loss`."""
        return None if self._training_setup is None else self._training_setup.given.get("loss")

    @property
    def jit_compile(self) -> bool:
        """Whether steps go through the backend's strongest compiler."""
        return (
            self._backend.compiles_steps()
            if self._training_setup is None
            else self._training_setup.jit_compile
        )

    @jit_compile.setter
    def jit_compile(self, value: bool) -> None:
        """Sets whether they do; the steps are made anew."""
        self._changed_setup().jit_compile = bool(value)

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run line by line."""
        return self._training_setup is not None and self._training_setup.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        """Sets whether they do; the steps are made anew."""
        self._changed_setup().run_eagerly = bool(value)

    @property
    def steps_per_execution(self) -> int:
        """How many batches one compiled program takes."""
        return 1 if self._training_setup is None else self._training_setup.steps_per_execution

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile` as plain values; an empty dict before it."""
        if self._training_setup is None or not self._training_setup.given:
            return {}
        return {name: serialize(value) for name, value in self._training_setup.given.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model as `get_compile_config` says, and makes the optimizer's variables.

        Args:
            config: what `get_compile_config` gave.
        """
        if type(self).compile is not Compiling.compile:
            warnings.warn(
                "`compile()` was not called as part of model loading because the model's "
                "`compile()` method is custom. All subclassed Models that have `compile()` "
                "overridden should also override `get_compile_config()` and "
                "`compile_from_config(config)`. Alternatively, you can call `compile()` manually "
                "after loading.",
                stacklevel=2,
            )
            return
        known = inspect.signature(Compiling.compile).parameters
        if unknown := [str(name)[:40] for name in config if name not in known]:
            raise ValueError(
                f"The config of `compile` has arguments that are not known: {', '.join(unknown)}."
            )
        self.compile(**{name: deserialize(value) for name, value in config.items()})
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    # Metrics ----------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The metrics: "loss", those of `compile`, those of single losses, the model's own and
        those of layers inside."""
        setup = self._training_setup
        known = self._cache.get("metrics")
        if known is not None and known[0] is setup:
            return list(known[1])
        found: list[Any] = []
        if setup is not None and setup.mean_loss is not None:
            found.append(setup.mean_loss)
            if setup.metrics is not None:
                found.append(setup.metrics)
            if setup.loss is not None:
                found += setup.loss.metrics
        for layer in self._flatten_layers():
            # What a model inside has from its own `compile` is its own affair.
            found += [p for _, p in layer.tracked_parts() if getattr(p, "_measures", False)]
        if setup is None or setup.loss is None or setup.loss.built:
            self._cache["metrics"] = setup, found
        return list(found)

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of all metrics."""
        found = {id(v): v for metric in self.metrics for v in metric.variables}
        return list(found.values())

    def _measuring_variables(self) -> list[Any]:
        """The variables of all metrics that a step may change: a subclass's own `metrics` may leave
        out those of `compile`."""
        setup = self._training_setup
        given = () if setup is None else (setup.mean_loss, setup.metrics, setup.loss)
        compiled = [v for part in given if part is not None for v in part.variables]
        return list({id(v): v for v in (*self.metrics_variables, *compiled)}.values())

    def reset_metrics(self) -> None:
        """Starts all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the value of each metric by its name."""
        found: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            found.update(result if isinstance(result, dict) else {metric.name: result})
        return found

    # The step ---------------------------------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the loss that training makes smaller, a scalar. A subclass may override it.

        It is the sum of the losses of `compile`, of those that layers added in the last call, and
        of the weights' regularizers.

        Args:
            x: inputs of the batch.
            y: targets.
            y_pred: the model's outputs for `x`.
            sample_weight: weights of the rows.
            training: whether the batch is for training.

        Raises:
            ValueError: there is no loss at all.
        """
        found = []
        compiled = None if self._training_setup is None else self._training_setup.loss
        if compiled is not None:
            loss = compiled(y, y_pred, sample_weight)
            if loss is not None:
                found.append(loss)
        found += [ops.sum(loss) for loss in self.losses]
        if not found:
            raise ValueError(_NO_LOSS)
        total = found[0]
        for loss in found[1:]:
            total = ops.add(total, loss)
        return total

    def _computed_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
    ) -> Any:
        """`compute_loss`, also of a subclass whose own has no `training`."""
        if _takes_training(type(self).compute_loss):
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Takes a batch into the metrics of `compile`; returns the value of each metric by name.

        Args:
            x: inputs of the batch.
            y: targets.
            y_pred: the model's outputs for `x`.
            sample_weight: weights of the rows.
        """
        compiled = None if self._training_setup is None else self._training_setup.metrics
        if compiled is not None:
            compiled.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def loss_and_gradients(
        self, function: Callable[[], tuple[Any, Any]]
    ) -> tuple[Any, Any, list[Any]]:
        """Returns a loss, what else `function` gives, and the gradients by trainable variables.

        With it a step is written once for all backends:

            def train_step(self, data):
                x, y, sample_weight = isozoo.utils.unpack_x_y_sample_weight(data)

                def forward():
                    y_pred = self(x, training=True)
                    return self.compute_loss(x, y, y_pred, sample_weight), y_pred

                loss, y_pred, gradients = self.loss_and_gradients(forward)
                self.optimizer.apply(gradients, self.trainable_variables)
                return self.compute_metrics(x, y, y_pred, sample_weight)

        Args:
            function: without arguments; returns a scalar and a nested structure of tensors. It may
                assign the model's variables that do not train, and those of its metrics.
        """
        trained = self.trainable_variables
        states = {id(v): v for v in (*self.non_trainable_variables, *self._measuring_variables())}
        return self._backend.loss_and_gradients(function, trained, list(states.values()))

    def train_step(self, data: Any, *rest: Any) -> Any:
        """Trains on one batch; returns the value of each metric by name. May be overridden.

        Keras's forms of it work too: with `torch`'s `backward`, with a `tf.GradientTape`, and on
        JAX as `train_step(state, data)`, which returns (logs, new state).

        Args:
            data: (x, y, sample_weight), or fewer of them, as native tensors.
            *rest: the data, where the first argument is a state.
        """
        if rest:
            return with_state(self, self._training_step, "train", data, *rest)
        return self._training_step(data)

    train_step._is_default = True  # pyright: ignore[reportFunctionMemberAccess]

    def _training_step(self, data: Any) -> dict[str, Any]:
        """The step of training, on native tensors."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        optimizer = self.optimizer

        def forward() -> tuple[Any, Any]:
            y_pred = self._outputs_of(x, True)
            loss = self._computed_loss(x, y, y_pred, sample_weight, True)
            scaled = loss if optimizer is None else optimizer.scale_loss(loss)
            return scaled, (loss, y_pred)

        if optimizer is not None and self.trainable_variables:
            _, (loss, y_pred), gradients = self.loss_and_gradients(forward)
            self._note_batch_loss(loss, x)
            optimizer.apply(gradients, self.trainable_variables)
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
            _, (loss, y_pred) = forward()
            self._note_batch_loss(loss, x)
        with self._backend.unrecorded():
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any, *rest: Any) -> Any:
        """Evaluates one batch; returns the value of each metric by name. May be overridden.

        Args:
            data: (x, y, sample_weight), or fewer of them, as native tensors.
            *rest: the data, where the first argument is a state; see `train_step`.
        """
        if rest:
            return with_state(self, self._testing_step, "test", data, *rest)
        return self._testing_step(data)

    test_step._is_default = True  # pyright: ignore[reportFunctionMemberAccess]

    def _testing_step(self, data: Any) -> dict[str, Any]:
        """The step of evaluation, on native tensors."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self._outputs_of(x, False)
        self._note_batch_loss(self._computed_loss(x, y, y_pred, sample_weight, False), x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any, *rest: Any) -> Any:
        """Returns the model's outputs for one batch. May be overridden.

        Args:
            data: (x, y, sample_weight), or fewer of them, as native tensors.
            *rest: the data, where the first argument is a state; see `train_step`.
        """
        if rest:
            return with_state(self, self._predicting_step, "predict", data, *rest)
        return self._predicting_step(data)

    predict_step._is_default = True  # pyright: ignore[reportFunctionMemberAccess]

    def _predicting_step(self, data: Any) -> Any:
        """The step of prediction, on native tensors."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self._outputs_of(x, False)

    def _outputs_of(self, x: Any, training: bool) -> Any:
        call: Any = self
        return call(x, training=training)

    def _note_batch_loss(self, loss: Any, x: Any) -> None:
        """Take a batch's loss into the mean, with the weight of its rows."""
        assert self._training_setup is not None
        rows = next((ops.shape(t)[0] for t in flatten(x) if t is not None), 1)
        with self._backend.unrecorded():
            self._training_setup.mean_loss.update_state(loss, sample_weight=rows)

    def _training_state(self) -> dict[str, Any]:
        """All that training changes, as named arrays."""
        from .state import training_state

        return training_state(self)

    def _restore_training_state(self, state: Any) -> None:
        from .state import restore_training_state

        restore_training_state(self, state)

    # Keras's form for JAX ---------------------------------------------------------------------

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple[Any, Any, Any]]:
        """Returns `compute_loss` as a pure function of variables' values, in Keras's form.

        Args:
            trainable_variables: values of the attribute of that name.
            non_trainable_variables: values of the attribute of that name.
            metrics_variables: values of the attribute of that name.
            x: inputs of the batch.
            y: targets.
            y_pred: the model's outputs for `x`.
            sample_weight: weights of the rows.
            training: whether the batch is for training.

        Returns:
            The loss, and (trainable values, non-trainable values, metrics' values).
        """
        values = (trainable_variables, non_trainable_variables, metrics_variables)
        with self._with_values(*values) as scope:
            loss = self._computed_loss(x, y, y_pred, sample_weight, training)
        return loss, (trainable_variables, *self._values_after(scope))

    def _with_values(self, *values: Sequence[Any], more: Iterable[Any] = ()) -> Any:
        """A scope in which the model's variables have other values."""
        from ..core.scopes import StatelessScope

        groups = self.trainable_variables, self.non_trainable_variables, self.metrics_variables
        pairs = [
            pair
            for have, got in zip(groups, values, strict=True)
            for pair in zip(have, got, strict=True)
        ]
        return StatelessScope([*pairs, *more])

    def _values_after(self, scope: Any) -> tuple[list[Any], list[Any]]:
        groups = self.non_trainable_variables, self.metrics_variables
        others, measured = ([scope.get_current_value(v) for v in group] for group in groups)
        return others, measured

    def compute_loss_and_updates(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Sequence[Any] | None = None,
    ) -> tuple[Any, tuple[Any, Any, Any, Any]]:
        """Returns the loss as a pure function of variables' values, in Keras's form for JAX.

        Args:
            trainable_variables: values of the attribute of that name.
            non_trainable_variables: values of the attribute of that name.
            metrics_variables: values of the attribute of that name.
            x: inputs.
            y: targets.
            sample_weight: weights of the rows.
            training: whether the batch is for training.
            optimizer_variables: values of the optimizer's variables, which may scale the loss.

        Returns:
            The loss, and (loss without scaling, outputs, non-trainable values, metrics' values).
        """
        values = (trainable_variables, non_trainable_variables, metrics_variables)
        more = (
            ()
            if optimizer_variables is None
            else zip(self.optimizer.variables, optimizer_variables, strict=True)
        )
        with self._with_values(*values, more=more) as scope:
            y_pred = self._outputs_of(x, training)
            loss = self._computed_loss(x, y, y_pred, sample_weight, training)
            scaled = loss
            if training and self.optimizer is not None:
                scaled = self.optimizer.scale_loss(loss)
        return scaled, (loss, y_pred, *self._values_after(scope))


@lru_cache(maxsize=256)
def _takes_training(compute_loss: Callable[..., Any]) -> bool:
    """Whether a class's `compute_loss` has a parameter `training`."""
    return "training" in inspect.signature(compute_loss).parameters
