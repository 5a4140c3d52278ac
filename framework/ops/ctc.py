"""Connectionist temporal classification (Graves et al. 2006)."""

from typing import Any

from .. import dtypes
from ..typing import TensorLike
from . import checks
from .dispatch import Tensor, together
from .errors import wrong
from .op import op


@op
def ctc_loss(
    target: TensorLike,
    output: TensorLike,
    target_length: TensorLike,
    output_length: TensorLike,
    mask_index: int = 0,
) -> Tensor:
    """Computes -log of the probability that `output` gives to `target`, by all alignments, in each
    sample.

    Shapes: target (batch, labels), of integers; output (batch, time, classes), logits; the first
    `target_length` (batch,) labels and `output_length` (batch,) steps count. `mask_index` is the
    class of the blank. The result (batch,) is float64 for float64, else float32; it is infinite,
    with a gradient of zero, where no alignment is possible.
    """
    backend, tensors = together(target, output, target_length, output_length)
    target, output, target_length, output_length = tensors
    checks.of_rank(backend, target, "target", 2)
    output = _logits(backend, output, "output")
    for name, x in (
        ("output", output),
        ("target_length", target_length),
        ("output_length", output_length),
    ):
        _check_batch(backend, name, x, target)
    blank = _blank(output, mask_index)
    integers = (backend.cast(x, "int32") for x in (target, target_length, output_length))
    target, target_length, output_length = integers
    return backend.ctc_loss(target, output, target_length, output_length, blank)


@op
def ctc_decode(
    inputs: TensorLike,
    sequence_lengths: TensorLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Tensor, Tensor]:
    """Returns the labels that the logits of a CTC model mean, and their scores.

    Shapes: inputs (batch, time, classes), sequence_lengths (batch,). With the strategy "greedy" the
    likeliest class of each step counts, equal neighbours as one if `merge_repeated`; the results
    are labels (1, batch, time) in int32, -1 behind the last, and minus the sum of the largest
    logits (batch, 1). With "beam_search", `beam_width` rows of labels are followed (prefix search,
    Hannun et al. 2014); the results are the `top_paths` likeliest (top_paths, batch, time) and the
    logarithms of their probabilities (batch, top_paths). `mask_index` is the class of the blank,
    None the last one. Scores are float64 for float64, else float32.
    """
    backend, (inputs, lengths) = together(inputs, sequence_lengths)
    inputs = _logits(backend, inputs, "inputs")
    _check_batch(backend, "sequence_lengths", lengths, inputs)
    blank = _blank(inputs, -1 if mask_index is None else mask_index)
    lengths = backend.cast(lengths, "int32")
    checks.one_of(strategy, "strategy", "greedy", "beam_search")
    if strategy == "greedy":
        return _greedy(backend, inputs, lengths, merge_repeated, blank)
    if not 1 <= top_paths <= beam_width:
        raise wrong("top_paths", top_paths, f"a number from 1 to beam_width, {beam_width}")
    return backend.ctc_beam_search(inputs, lengths, beam_width, top_paths, blank)


def _greedy(backend, inputs, lengths, merge_repeated, blank):
    time = backend.shape(inputs)[1]
    steps = backend.arange(0, time, 1, "int32")
    live = backend.less(steps, backend.expand_dims(lengths, 1))
    best = backend.where(live, backend.argmax(inputs, -1), blank)
    score = backend.where(live, backend.max(inputs, -1), 0.0)
    keep = backend.not_equal(best, blank)
    if merge_repeated:
        before = backend.pad(best, ((0, 0), (1, 0)), "constant", -1)[:, :time]
        keep = backend.logical_and(keep, backend.not_equal(best, before))
    order = backend.argsort(backend.cast(backend.logical_not(keep), "int32"), 1)
    labels = backend.take_along_axis(backend.where(keep, best, -1), order, 1)
    scores = backend.negative(backend.sum(score, 1, True))
    return backend.expand_dims(labels, 0), scores


def _logits(backend, x, name: str) -> Any:
    checks.of_rank(backend, x, name, 3)
    dtype = dtypes.result_type(dtypes.floating(backend.dtype(x)), "float32")
    return x if backend.dtype(x) == dtype else backend.cast(x, dtype)


def _check_batch(backend, name: str, x, first) -> None:
    if name.endswith(("length", "lengths")):
        checks.of_rank(backend, x, name, 1)
    have, wanted = backend.static_shape(x)[0], backend.static_shape(first)[0]
    if have != wanted and None not in (have, wanted):
        raise wrong(name, x, f"one row for each of the {wanted} samples")


def _blank(x, mask_index: int) -> int:
    classes = x.shape[-1]
    if classes is None and mask_index >= 0:  # which only the graph will know
        return mask_index
    if classes is None or not -classes <= mask_index < classes:
        raise wrong("mask_index", mask_index, f"one of the {classes} classes")
    return mask_index % classes
