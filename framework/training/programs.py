"""The programs of a model's steps, and its methods for one batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import config
from ..core import symbolic
from ..core.keras_tensor import KerasTensor
from ..core.scopes import deferred_initialization
from ..nested import map_structure
from ..utils.packing import unpack_x_y_sample_weight
from .compiling import Compiling
from .groups import Begun, as_array
from .logs import by_name, python_logs, spread_out
from .steps import step_function


class Programs(Compiling):
    """Steps as programs, the variables that they need, and single steps; mixed into Model."""

    # Programs ---------------------------------------------------------------------------------

    def make_train_function(self, force: bool = False) -> Callable[[list[Any]], Any]:
        """Returns the compiled step of training: a function of a list of batches.

        Args:
            force: whether a new one is made although there is one.
        """
        return self._program_of("train", self.train_step, force)

    def make_test_function(self, force: bool = False) -> Callable[[list[Any]], Any]:
        """Returns the compiled step of evaluation: a function of a list of batches.

        Args:
            force: whether a new one is made although there is one.
        """
        return self._program_of("test", self.test_step, force)

    def make_predict_function(self, force: bool = False) -> Callable[[list[Any]], list[Any]]:
        """Returns the compiled step of prediction: a function of a list of batches.

        Args:
            force: whether a new one is made although there is one.
        """
        eager = self._training_setup is not None and self._training_setup.run_eagerly
        if eager or not getattr(type(self).predict_step, "_is_default", False):
            return self._program_of("predict", self.predict_step, force)
        # The compiled way of inference, which may fold weights and fuse layers.
        return lambda group: [
            self._run_compiled(None, (unpack_x_y_sample_weight(data)[0],), {}) for data in group
        ]

    def _program_of(self, kind: str, step: Callable[..., Any], force: bool) -> Any:
        key = "step", kind
        made = self._cache.get(key)
        if made is None or force:
            made = self._cache[key] = step_function(self, step, kind)
        return made

    # Variables --------------------------------------------------------------------------------

    def _epoch_of(self, batches: Any) -> Any:
        return batches.epoch(self._backend, self._native_device())

    def _begin_reading(self, batches: Any) -> Any:
        """The first epoch's iterator, with all variables made for its first batch."""
        source = self._epoch_of(batches)
        try:
            data = next(source, None)
            if data is None:
                raise ValueError(
                    "The data have no batch: x is empty, or its source gave nothing. Give at least "
                    "one row."
                )
            self._make_variables(data)
        except BaseException:
            source.close()
            raise
        return Begun(data, source)

    def _make_variables(self, data: Any) -> None:
        """Make all variables of the model, its losses, metrics and optimizer, for a batch."""
        setup = self._training_setup
        assert setup is not None

        def symbol(x: Any) -> Any:
            if x is None:
                return None
            shape = self._backend.static_shape(x)
            return KerasTensor(shape, self._backend.dtype(x))

        x, y, sample_weight = unpack_x_y_sample_weight(data)
        self.ensure_built((x,), {})
        parts = [part for part in (setup.loss, setup.metrics) if part is not None]
        if y is not None and not all(part.built for part in parts):
            given = map_structure(symbol, (x, y, sample_weight))
            forward: Any = self
            y_pred = forward(given[0], training=False)
            # A `compute_loss` of a subclass may give the loss other outputs than the model's.
            own = type(self).compute_loss is not Compiling.compute_loss
            later = setup.loss if own else None
            for part in parts:
                if part is not later:
                    part.build(given[1], y_pred)
            self._make_metrics_variables(setup, given, y_pred, later is not None)
            if later is not None and not later.built:  # it was not asked
                later.build(given[1], y_pred)
        if setup.optimizer is not None and not setup.optimizer.built:
            setup.optimizer.build(self.trainable_variables)
        if (distribution := config.distribution()) is not None:
            distribution.place_variables(self.variables)
            distribution.place_variables(self._measuring_variables())
            if setup.optimizer is not None:
                distribution.place_variables(setup.optimizer.variables)

    def _make_metrics_variables(self, setup: Any, given: Any, y_pred: Any, own: bool) -> None:
        """Make what metrics make at their first batch, without computing anything."""

        def update(x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
            if setup.metrics is not None:
                setup.metrics.update_state(y, y_pred, sample_weight)
            if own:
                self._computed_loss(x, y, y_pred, sample_weight, True)
            elif setup.loss is not None:
                setup.loss(y, y_pred, sample_weight)
            return y_pred

        with deferred_initialization():
            args = (given[0], given[1], y_pred, given[2])
            symbolic.infer(self._backend, update, args, {}, keep=True)
        for variable in self._measuring_variables():
            if not variable.initialized:
                variable.initialize()

    # One batch --------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Takes one step on a batch; returns its loss and metrics, which are reset before.

        Args:
            x: inputs.
            y: targets.
            sample_weight: weights of the rows.
            class_weight: class -> weight of its rows in the loss, without `sample_weight`.
            return_dict: whether the result is a dict by name.
        """
        self._compiled_setup("train_on_batch")
        self._warn_of_changed_layers()
        data = self._one_batch_of(x, y, sample_weight, class_weight)
        self._make_variables(data)
        self.reset_metrics()
        with self._training_mode():
            logs = self.make_train_function()([data])
        return self._batch_result(logs, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Evaluates one batch; returns its loss and metrics, which are reset before.

        Args:
            x: inputs.
            y: targets.
            sample_weight: weights of the rows.
            return_dict: whether the result is a dict by name.
        """
        self._compiled_setup("test_on_batch")
        data = self._one_batch_of(x, y, sample_weight, None)
        self._make_variables(data)
        self.reset_metrics()
        return self._batch_result(self.make_test_function()([data]), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Returns the outputs for one batch, as NumPy arrays."""
        data = self._one_batch_of(x, None, None, None)
        return map_structure(as_array, self.make_predict_function()([data])[0])

    def _one_batch_of(self, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Any:
        from .data import batch_of

        device = self._native_device()
        x = self.prepare_inputs(x)
        return batch_of(x, y, sample_weight, class_weight, self._backend, device)

    def _batch_result(self, logs: Any, return_dict: bool) -> Any:
        logs = python_logs(by_name(logs))
        return logs if return_dict else self._metrics_in_order(logs)

    def _metrics_in_order(self, logs: dict[str, Any]) -> Any:
        """The values in the order of `metrics`, others by name; one alone by itself."""
        names: list[str] = []
        for metric in self.metrics:
            names += [part.name for part in getattr(metric, "metrics", [metric])]
        found = [logs[name] for name in names if name in logs]
        found += [logs[name] for name in sorted(logs) if name not in names]
        return found[0] if len(found) == 1 else found

    def _final_logs(self, logs: Any) -> dict[str, Any]:
        """The metrics after an epoch: the model's, unless a user's step gave others."""
        own = self.get_metrics_result()
        if isinstance(logs, dict) and logs and set(spread_out(logs)) != set(own):
            own = logs
        return dict(python_logs(by_name(own)))

    @contextmanager
    def _training_mode(self) -> Iterator[None]:
        """A context in which modules of torch's own train."""
        self._native_mode(True)
        try:
            yield
        finally:
            self._native_mode(False)

    def _callback_list(
        self, callbacks: Any, batches: Any, verbose: Any, epochs: int = 1, add_history: bool = False
    ) -> Any:
        """The callbacks of a loop, with those that it adds; a list of `fit`'s as it is."""
        from .callbacks import CallbackList

        if isinstance(callbacks, CallbackList):
            return callbacks
        return CallbackList(
            callbacks,
            add_history=add_history,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=batches.num_batches,
        )
