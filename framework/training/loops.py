"""`fit`, `evaluate`, `predict` and their steps for one batch: one loop for all backends."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import Any

import numpy as np

from ..config import max_epochs, max_steps_per_epoch
from ..core import symbolic
from ..core.keras_tensor import KerasTensor
from ..core.scopes import deferred_initialization
from ..nested import flatten, map_structure
from ..ops.conversion import convert_to_numpy
from .packing import unpack_x_y_sample_weight
from .steps import Logs, plain_logs, step_function


class Loops:
    """The loops over batches; mixed into Trainer."""

    _backend: Any
    _cache: dict[Any, Any]
    _setup: Any
    _compiled_setup: Callable[[str], Any]
    _warn_of_changed_layers: Callable[[], None]
    _native_device: Callable[[], Any]
    _run_compiled: Callable[..., Any]
    _loss: Callable[..., Any]
    ensure_built: Callable[..., None]
    check_inputs: Callable[..., None]
    metrics: list[Any]
    name: str
    optimizer: Any
    reset_metrics: Callable[[], None]
    get_metrics_result: Callable[[], dict[str, Any]]
    steps_per_execution: int
    stop_training: bool
    trainable_variables: list[Any]
    train_step: Callable[..., Any]
    test_step: Callable[..., Any]
    predict_step: Callable[..., Any]
    # The History of the last `fit`.
    history: Any = None
    # Whether the last `fit` was ended by Ctrl-C.
    interrupted: bool = False

    def prepare_inputs(self, x: Any) -> Any:
        """Returns `x` as the model's call takes it. A model for texts or files overrides it.

        `fit`, `evaluate`, `predict` and the methods for one batch ask it for their inputs.
        """
        return x

    # fit --------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
    ) -> Any:
        """Trains the model for a number of epochs.

        Ctrl-C ends the training after the step under way: the history so far is returned, and
        `interrupted` is True.

        Args:
            x: inputs: an array or tensor of any framework, a pandas frame, a dict or list of them;
                or a source of batches (x, y, sample_weight): a `tf.data.Dataset`, a torch
                DataLoader, a PyDataset, a generator, a Hugging Face dataset, a grain loader.
            y: targets, nested like the outputs; for a source of batches they come from it.
            batch_size: rows of a batch, 32 if None; a source of batches has its own.
            epochs: the number of the last epoch.
            verbose: 0 for silence, 1 for a progress bar, 2 for a line after each epoch; "auto" is 1
                on a terminal, else 2.
            callbacks: a list of Callbacks.
            validation_split: the share of rows, from the end, that is evaluated after each epoch
                and not trained on.
            validation_data: what is evaluated after each epoch: (x, y) or (x, y, sample_weight), or
                a source of batches.
            shuffle: whether rows come in another order in each epoch.
            class_weight: class -> weight of its rows in the loss.
            sample_weight: weights of the rows.
            initial_epoch: the epoch to begin with.
            steps_per_epoch: batches of an epoch; all if None.
            validation_steps: batches of an evaluation; all if None.
            validation_batch_size: rows of a batch of the evaluation; `batch_size` if None.
            validation_freq: every how many epochs is evaluated, or a list of epochs from 1.

        Returns:
            The History: metrics of each epoch.

        Raises:
            ValueError: the model is not compiled, or data do not fit each other or the model.
        """
        from .callbacks import CallbackList
        from .data import batches_of, split_for_validation

        setup = self._compiled_setup("fit")
        self._warn_of_changed_layers()
        limit = max_epochs()
        if limit and limit < epochs:
            warnings.warn(f"Limiting epochs to {limit}", stacklevel=2)
            epochs = limit
        x = self.prepare_inputs(x)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_for_validation(
                (x, y, sample_weight), validation_split
            )
        batches = batches_of(
            x,
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=_capped(steps_per_epoch),
            shuffle=shuffle,
            class_weight=class_weight,
        )
        checks = None
        if validation_data is not None:
            checks = self._validation(
                validation_data, validation_batch_size or batch_size, validation_steps
            )
        first = self._begun(batches)
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                model=self,
                verbose=verbose,
                epochs=epochs,
                steps=batches.num_batches,
            )
        self.stop_training, self.interrupted = False, False
        run = self.make_train_function()
        logs: dict[str, Any] = {}
        callbacks.on_train_begin()
        start = vars(self).pop("_initial_epoch", None) or initial_epoch
        try:
            for epoch in range(start, epochs):
                logs = self._epoch(epoch, run, batches, first, callbacks)
                first = None
                if checks is not None and _is_due(epoch, validation_freq):
                    found = self._evaluated(checks, callbacks)
                    logs.update({f"val_{name}": value for name, value in found.items()})
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        except KeyboardInterrupt:
            self.interrupted = self.stop_training = True
            warnings.warn(
                f"Training of {self.name!r} was interrupted; the model has the weights of its last "
                "whole step.",
                stacklevel=2,
            )
        finally:
            if first is not None:
                first.close()
            batches.close()
        if epochs > start and hasattr(setup.optimizer, "finalize_variable_values"):
            setup.optimizer.finalize_variable_values(self.trainable_variables)
        callbacks.on_train_end(logs)
        return self.history

    def _epoch(
        self, epoch: int, run: Any, batches: Any, started: Any, callbacks: Any
    ) -> dict[str, Any]:
        """One epoch of training; its metrics."""
        self.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        logs: dict[str, Any] = {}
        modes = self._modes(True)
        source = started if started is not None else self._epoch_of(batches)
        try:
            with closing(source):
                for begin, end, group in grouped(source, self.steps_per_execution):
                    callbacks.on_train_batch_begin(begin)
                    logs = run(group)
                    callbacks.on_train_batch_end(end, Logs(logs))
                    if self.stop_training:
                        break
        finally:
            self._modes(False, modes)
        return self._final_logs(logs)

    def _modes(self, training: bool, before: Any = None) -> Any:
        """Put modules of torch's own into training mode, and back."""
        train: Any = getattr(self, "train", None)
        if self._backend.name == "torch" and train is not None:
            train(training)
        return before

    def _final_logs(self, logs: Any) -> dict[str, Any]:
        """The metrics after an epoch: the model's, unless a user's step gave others."""
        own = self.get_metrics_result()
        if isinstance(logs, dict) and set(logs) != set(own):
            own = logs
        return dict(plain_logs(own))

    def _epoch_of(self, batches: Any) -> Iterator[Any]:
        return batches.epoch(self._backend, self._native_device())

    def _begun(self, batches: Any) -> Any:
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
        return _Begun(data, source)

    def _make_variables(self, data: Any) -> None:
        """Make all variables of the model, its losses, metrics and optimizer, for a batch."""
        setup = self._setup

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
            for part in parts:
                part.build(given[1], y_pred)
            self._make_metrics_variables(setup, given, y_pred)
        if setup.optimizer is not None and not setup.optimizer.built:
            setup.optimizer.build(self.trainable_variables)

    def _make_metrics_variables(self, setup: Any, given: Any, y_pred: Any) -> None:
        """Make what metrics make at their first batch, without computing anything."""

        def update(y: Any, y_pred: Any, sample_weight: Any) -> Any:
            if setup.metrics is not None:
                setup.metrics.update_state(y, y_pred, sample_weight)
            if setup.loss is not None:
                setup.loss(y, y_pred, sample_weight)
            return y_pred

        with deferred_initialization():
            args = (given[1], y_pred, given[2])
            symbolic.infer(self._backend, update, args, {}, keep=True)
        for variable in (v for metric in self.metrics for v in metric.variables):
            if not variable.initialized:
                variable.initialize()

    # evaluate ---------------------------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Returns the loss and the metrics over data.

        Args:
            x: inputs; see `fit`.
            y: targets.
            batch_size: rows of a batch; 32 if None.
            verbose: see `fit`.
            sample_weight: weights of the rows.
            steps: how many batches; all if None.
            callbacks: a list of Callbacks.
            return_dict: whether the result is a dict by name.

        Returns:
            The loss, or a list of the loss and the metrics in the order of `metrics`, or a dict.

        Raises:
            ValueError: the model is not compiled, or data do not fit each other or the model.
        """
        from .callbacks import CallbackList
        from .data import batches_of

        self._compiled_setup("evaluate")
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        batches = batches_of(
            self.prepare_inputs(x),
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=_capped(steps),
            shuffle=False,
        )
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(
                callbacks,
                add_progbar=verbose != 0,
                model=self,
                verbose=verbose,
                epochs=1,
                steps=batches.num_batches,
            )
        with closing(batches):
            logs = self._evaluated(batches, callbacks)
        return logs if return_dict else self._in_order(logs)

    def _validation(self, data: Any, batch_size: int | None, steps: int | None) -> Any:
        from .data import batches_of, unpack_validation_data

        x, y, sample_weight = unpack_validation_data(data)
        return batches_of(
            self.prepare_inputs(x),
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=_capped(steps),
            shuffle=False,
        )

    def _evaluated(self, batches: Any, callbacks: Any) -> dict[str, Any]:
        """The metrics over all batches."""
        source = self._begun(batches)
        run = self.make_test_function()
        self.stop_evaluating = False
        callbacks.on_test_begin()
        self.reset_metrics()
        logs: dict[str, Any] = {}
        with closing(source):
            for begin, end, group in grouped(source, self.steps_per_execution):
                callbacks.on_test_batch_begin(begin)
                logs = run(group)
                callbacks.on_test_batch_end(end, Logs(logs))
                if self.stop_evaluating:
                    break
        logs = self._final_logs(logs)
        callbacks.on_test_end(logs)
        return logs

    def _in_order(self, logs: dict[str, Any]) -> Any:
        """The values in the order of `metrics`, others by name; one alone by itself."""
        names: list[str] = []
        for metric in self.metrics:
            names += [part.name for part in getattr(metric, "metrics", [metric])]
        found = [logs[name] for name in names if name in logs]
        found += [logs[name] for name in sorted(logs) if name not in names]
        return found[0] if len(found) == 1 else found

    # predict ----------------------------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Returns the outputs for data, as NumPy arrays.

        Args:
            x: inputs; see `fit`. Of batches of tuples the first item is taken.
            batch_size: how many rows are computed at a time; 32 if None.
            verbose: see `fit`.
            steps: how many batches; all if None.
            callbacks: a list of Callbacks.

        Raises:
            ValueError: no rows, or arrays that differ in their number.
        """
        from .callbacks import CallbackList
        from .data import batches_of

        batches = batches_of(self.prepare_inputs(x), batch_size=batch_size, steps=_capped(steps), shuffle=False)
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(
                callbacks,
                add_progbar=verbose != 0,
                model=self,
                verbose=verbose,
                epochs=1,
                steps=batches.num_batches,
            )
        self.stop_predicting = False
        callbacks.on_predict_begin()
        parts: list[Any] = []
        run = self.make_predict_function()
        with closing(batches), closing(self._epoch_of(batches)) as source:
            for begin, end, group in grouped(source, self.steps_per_execution):
                callbacks.on_predict_batch_begin(begin)
                outputs = run(group)
                parts += [map_structure(_array, out) for out in outputs]
                callbacks.on_predict_batch_end(end, {"outputs": outputs[-1]})
                if self.stop_predicting:
                    break
        callbacks.on_predict_end()
        if not parts:
            raise ValueError(
                "predict needs at least one row: x is empty, or its source gave nothing."
            )
        return joined(parts)

    # One batch --------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Takes one step on a batch; returns loss and metrics since they were last reset.

        Args:
            x: inputs.
            y: targets.
            sample_weight: weights of the rows.
            class_weight: class -> weight of its rows in the loss, without `sample_weight`.
            return_dict: whether the result is a dict by name.
        """
        self._compiled_setup("train_on_batch")
        self._warn_of_changed_layers()
        data = self._one_batch(x, y, sample_weight, class_weight)
        self._make_variables(data)
        self._modes(True)
        try:
            logs = self.make_train_function()([data])
        finally:
            self._modes(False)
        return self._batch_result(logs, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Evaluates one batch; returns loss and metrics since they were last reset.

        Args:
            x: inputs.
            y: targets.
            sample_weight: weights of the rows.
            return_dict: whether the result is a dict by name.
        """
        self._compiled_setup("test_on_batch")
        data = self._one_batch(x, y, sample_weight, None)
        self._make_variables(data)
        return self._batch_result(self.make_test_function()([data]), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Returns the outputs for one batch, as NumPy arrays."""
        data = self._one_batch(x, None, None, None)
        return map_structure(_array, self.make_predict_function()([data])[0])

    def _one_batch(self, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Any:
        from .data import batch_of

        device = self._native_device()
        x = self.prepare_inputs(x)
        return batch_of(x, y, sample_weight, class_weight, self._backend, device)

    def _batch_result(self, logs: Any, return_dict: bool) -> Any:
        logs = plain_logs(logs)
        return logs if return_dict else self._in_order(logs)

    # Programs ---------------------------------------------------------------------------------

    def make_train_function(self, force: bool = False) -> Callable[[list[Any]], Any]:
        """Returns the compiled step of training: a function of a list of batches.

        Args:
            force: whether a new one is made although there is one.
        """
        return self._step("train", self.train_step, force)

    def make_test_function(self, force: bool = False) -> Callable[[list[Any]], Any]:
        """Returns the compiled step of evaluation: a function of a list of batches.

        Args:
            force: whether a new one is made although there is one.
        """
        return self._step("test", self.test_step, force)

    def make_predict_function(self, force: bool = False) -> Callable[[list[Any]], list[Any]]:
        """Returns the compiled step of prediction: a function of a list of batches.

        Args:
            force: whether a new one is made although there is one.
        """
        eager = self._setup is not None and self._setup.run_eagerly
        if eager or type(self).predict_step is not _own_predict_step():
            return self._step("predict", self.predict_step, force)
        # The compiled way of inference, which may fold weights and fuse layers.
        return lambda group: [
            self._run_compiled(None, (unpack_x_y_sample_weight(data)[0],), {}) for data in group
        ]

    def _step(self, kind: str, step: Callable[..., Any], force: bool) -> Any:
        key = "step", kind
        made = self._cache.get(key)
        if made is None or force:
            made = self._cache[key] = step_function(self, step, kind)
        return made


def _own_predict_step() -> Any:
    from .trainer import Trainer

    return Trainer.predict_step


class _Begun:
    """An iterator of which the first item was looked at."""

    def __init__(self, first: Any, rest: Any) -> None:
        self._items, self._rest = chain([first], rest), rest

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def close(self) -> None:
        """Ends the reading of what comes after."""
        self._rest.close()


def grouped(source: Any, size: int) -> Iterator[tuple[int, int, list[Any]]]:
    """Yields (number of the first, number of the last, batches) of groups of up to `size` batches.

    Args:
        source: an iterable of batches.
        size: how many make a group.
    """
    iterator, begin = iter(source), 0
    while group := list(islice(iterator, size)):
        yield begin, begin + len(group) - 1, group
        begin += len(group)


def joined(parts: list[Any]) -> Any:
    """Returns nested arrays of batches as one, with the rows of all."""
    if len(parts) == 1:
        return parts[0]
    columns = [flatten(part) for part in parts]
    whole = iter([np.concatenate(column) for column in zip(*columns, strict=True)])
    return map_structure(lambda _: next(whole), parts[0])


def _array(x: Any) -> np.ndarray:
    return np.asarray(convert_to_numpy(x))


def _capped(steps: int | None) -> int | None:
    """A number of batches, at most the user's setting."""
    limit = max_steps_per_epoch()
    return limit if limit and (steps is None or steps > limit) else steps


def _is_due(epoch: int, frequency: Any) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    if isinstance(frequency, list | tuple | set):
        return epoch + 1 in frequency
    raise ValueError(
        "Expected `validation_freq` to be a list or int. Received: "
        f"validation_freq={frequency} of the type {type(frequency)}."
    )
