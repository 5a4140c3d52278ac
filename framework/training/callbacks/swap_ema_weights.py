"""SwapEMAWeights: evaluates with the moving averages of the weights."""

from collections.abc import Iterator
from typing import Any

from .base import Callback
from .learning_rate import optimizers_of


class SwapEMAWeights(Callback):
    """Puts the moving averages of the weights into the model while it is evaluated.

    The optimizer must keep them: `use_ema=True`. Values are exchanged in place.

    Args:
        swap_on_epoch: whether they are exchanged at the ends of epochs too, for callbacks after
            this one that save the model.
    """

    _kept = ("_averages_in_model",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._averages_in_model = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Takes the averages out of the model again."""
        if self.swap_on_epoch:
            self._put(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Puts the averages into the model, if that is wanted."""
        if not self.swap_on_epoch:
            return
        self._put(True)
        if epoch == (self.params or {}).get("epochs", 0) - 1:
            # The end of `fit` assigns the optimizer's averages to the model: they are there now.
            for variable, average in self._pairs():
                average.assign(variable.value)

    def on_test_begin(self, logs: Any = None) -> None:
        """Puts the averages into the model."""
        self._put(True)

    def on_test_end(self, logs: Any = None) -> None:
        """Takes the averages out of the model."""
        self._put(False)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Puts the averages into the model."""
        self._put(True)

    def on_predict_end(self, logs: Any = None) -> None:
        """Takes the averages out of the model."""
        self._put(False)

    def _put(self, averages: bool) -> None:
        """Exchange the values, unless they are where they should be."""
        if averages == self._averages_in_model:
            return
        for variable, average in self._pairs():
            held = variable.numpy().copy()
            variable.assign(average.value)
            average.assign(held)
        self._averages_in_model = averages

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """Variables of the model, each with its average.

        Raises ValueError if no optimizer keeps averages.
        """
        optimizers = [o for _, o in optimizers_of(self.model) if getattr(o, "use_ema", False)]
        if not optimizers:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer, or on at "
                "least one of several. Received: use_ema=False"
            )
        for optimizer in optimizers:
            averages = optimizer._model_variables_moving_average
            for variable, average in zip(optimizer._trainable_variables, averages, strict=True):
                if average is not None:
                    yield variable, average
