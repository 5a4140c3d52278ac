"""Where the truth stands among predictions."""

from ..typing import TensorLike
from .checks import of_integers, rank_of
from .dispatch import Tensor, floating, promoted_all, together
from .errors import wrong
from .op import op


@op
def in_top_k(targets: TensorLike, predictions: TensorLike, k: int) -> Tensor:
    """Tells whether fewer than `k` predictions are larger than that of the target: booleans (...).

    targets: integers (...), predictions: (..., classes). A prediction of NaN counts as -inf; a
    target that is no class is in no top.
    """
    backend, (targets, predictions) = together(targets, predictions)
    of_integers(backend, targets, "targets")
    _, predictions = floating(predictions)
    if rank_of(backend, predictions) != rank_of(backend, targets) + 1:
        raise wrong("predictions", predictions, "a tensor of one axis more than targets")
    classes = backend.shape(predictions)[-1]
    _, (targets, classes) = promoted_all(targets, classes, backend=backend)
    inside = backend.logical_and(backend.greater_equal(targets, 0), backend.less(targets, classes))
    places = backend.where(inside, targets, backend.full_like(targets, 0, backend.dtype(targets)))
    found = backend.take_along_axis(predictions, backend.expand_dims(places, -1), -1)
    lowest = backend.full_like(found, float("-inf"), backend.dtype(found))
    found = backend.where(backend.isnan(found), lowest, found)
    larger = backend.sum(backend.cast(backend.greater(predictions, found), "int32"), -1, False)
    return backend.logical_and(inside, backend.less(larger, k))
