"""The loss of sequences without alignment: connectionist temporal classification."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..ops.dispatch import Tensor, together
from .wrapper import PlainLoss


def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """Returns minus the log-probability of label sequences (Graves et al., 2006).

    All steps of the logits count, and labels end before the zeros behind them: class 0 is the
    blank.

    Args:
        y_true: numbers of classes (samples, labels), filled up with zeros.
        y_pred: logits (samples, steps, classes).

    Returns:
        Tensor (samples,), in the dtype of y_pred. ValueError for other numbers of axes.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    if len(y_true.shape) != 2:
        raise ValueError(
            "Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in "
            f"integer format. Received: y_true.shape={tuple(y_true.shape)}"
        )
    if len(y_pred.shape) != 3:
        raise ValueError(
            "Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, "
            f"num_classes)`. Received: y_pred.shape={tuple(y_pred.shape)}"
        )
    y_true = ops.cast(y_true, "int32")
    lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    steps = ops.multiply(ops.ones_like(lengths), ops.shape(y_pred)[1])
    return ops.ctc_loss(y_true, y_pred, lengths, steps, mask_index=0)


class CTC(PlainLoss):
    """Minus the log-probability of label sequences without alignment; see `ctc`, and Loss."""

    function = staticmethod(ctc)
    _takes_classes = True
