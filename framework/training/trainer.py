"""`fit`: the loop of training, one for all backends."""

import warnings
from contextlib import closing
from typing import Any

from ..config import max_epochs
from .evaluation import Evaluation
from .groups import capped, grouped
from .logs import Logs


class Trainer(Evaluation):
    """Compiling, training, evaluation and prediction; mixed into Model, or into any layer."""

    # The History of the last `fit`.
    history: Any = None
    # Whether the last `fit` was ended by Ctrl-C.
    interrupted: bool = False

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
            steps=capped(steps_per_epoch),
            shuffle=shuffle,
            class_weight=class_weight,
        )
        checks = None
        if validation_data is not None:
            checks = self._validation_batches(
                validation_data, validation_batch_size or batch_size, validation_steps
            )
        first = self._begin_reading(batches)
        callbacks = self._callback_list(callbacks, batches, verbose, epochs, add_history=True)
        self.stop_training, self.interrupted = False, False
        run = self.make_train_function()
        logs: dict[str, Any] = {}
        vars(self)["_batches"] = batches
        try:
            callbacks.on_train_begin()
            start = vars(self).pop("_initial_epoch", None) or initial_epoch
            place = vars(self).pop("_place_in_data", None)
            if place is not None:  # a callback brought back the state of a run that was ended
                first.close()
                batches.restore(place)
                first = None
            for epoch in range(start, epochs):
                done = 0 if place is None else place["done"]
                logs = self._run_epoch(epoch, run, batches, first, callbacks, done)
                first = place = None
                if batches.exhausted:  # a warning has said so
                    break
                if checks is not None and _is_due(epoch, validation_freq):
                    found = self._run_evaluation(checks, callbacks)
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
            vars(self).pop("_batches", None)
            if first is not None:
                first.close()
            batches.close()
        if epochs > initial_epoch and hasattr(setup.optimizer, "finalize_variable_values"):
            setup.optimizer.finalize_variable_values(self.trainable_variables)
        callbacks.on_train_end(logs)
        return self.history

    def _run_epoch(
        self, epoch: int, run: Any, batches: Any, started: Any, callbacks: Any, done: int
    ) -> dict[str, Any]:
        """The metrics of an epoch of training, of which `done` batches were taken before."""
        if not done:
            self.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        logs: dict[str, Any] = {}
        source = started if started is not None else self._epoch_of(batches)
        with self._training_mode(), closing(source):
            for begin, end, group in grouped(source, self.steps_per_execution, done):
                callbacks.on_train_batch_begin(begin)
                logs = run(group)
                callbacks.on_train_batch_end(end, Logs(logs))
                if self.stop_training:
                    break
        return self._final_logs(logs)


def _is_due(epoch: int, frequency: Any) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    if isinstance(frequency, list | tuple | set):
        return epoch + 1 in frequency
    raise ValueError(
        "Expected `validation_freq` to be a list or int. Received: "
        f"validation_freq={frequency} of the type {type(frequency)}."
    )
