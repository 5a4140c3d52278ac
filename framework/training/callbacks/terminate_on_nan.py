"""TerminateOnNaN: ends training whose loss is no number."""

import math
from typing import Any

from ...utils.messages import print_message
from .base import Callback


class TerminateOnNaN(Callback):
    """Ends training when the loss of an epoch so far is NaN or infinite.

    It looks at the loss after every batch, which waits for the device.

    Args:
        raise_error: whether training ends at once with a RuntimeError, without the hooks for its
            end; else it ends after the batch.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Looks at the loss.

        Raises:
            RuntimeError: it is NaN or infinite, and `raise_error` is set.
        """
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating "
                "training immediately. A smaller learning rate or clipped gradients may help."
            )
        print_message(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
