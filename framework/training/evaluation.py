"""`evaluate` and `predict`: the loops that train nothing."""

from contextlib import closing
from typing import Any

from ..nested import map_structure
from .groups import as_array, capped, grouped, joined
from .logs import Logs
from .programs import Programs


class Evaluation(Programs):
    """The loops over batches that train nothing; mixed into Model."""

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
        from .data import batches_of

        self._compiled_setup("evaluate")
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        batches = batches_of(
            self.prepare_inputs(x),
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=capped(steps),
            shuffle=False,
        )
        callbacks = self._callback_list(callbacks, batches, verbose)
        with closing(batches):
            logs = self._run_evaluation(batches, callbacks)
        return logs if return_dict else self._metrics_in_order(logs)

    def _validation_batches(self, data: Any, batch_size: int | None, steps: int | None) -> Any:
        from .data import batches_of, unpack_validation_data

        x, y, sample_weight = unpack_validation_data(data)
        return batches_of(
            self.prepare_inputs(x),
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=capped(steps),
            shuffle=False,
        )

    def _run_evaluation(self, batches: Any, callbacks: Any) -> dict[str, Any]:
        """The metrics over all batches."""
        source = self._begin_reading(batches)
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
        from .data import batches_of

        batches = batches_of(
            self.prepare_inputs(x), batch_size=batch_size, steps=capped(steps), shuffle=False
        )
        callbacks = self._callback_list(callbacks, batches, verbose)
        self.stop_predicting = False
        callbacks.on_predict_begin()
        parts: list[Any] = []
        run = self.make_predict_function()
        with closing(batches), closing(self._epoch_of(batches)) as source:
            for begin, end, group in grouped(source, self.steps_per_execution):
                callbacks.on_predict_batch_begin(begin)
                outputs = run(group)
                parts += [map_structure(as_array, out) for out in outputs]
                callbacks.on_predict_batch_end(end, {"outputs": outputs[-1]})
                if self.stop_predicting:
                    break
        callbacks.on_predict_end()
        if not parts:
            raise ValueError(
                "predict needs at least one row: x is empty, or its source gave nothing."
            )
        return joined(parts)
