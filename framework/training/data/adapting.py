"""Which kind of batches a source of data makes."""

from typing import Any

from ...nested import flatten, map_structure
from ...random.seeds import make_default_seed
from ...utils.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from ...utils.py_dataset import PyDataset
from .arrays import ArrayBatches
from .batches import Batches
from .columns import as_host_array
from .hugging_face import DatasetStreamBatches, columns_of_dataset, is_dataset, is_stream
from .native import Converter
from .py_dataset import PyDatasetBatches
from .streams import stream_kind
from .weights import (
    BOTH,
    checked_class_weight,
    for_each_target,
    needs_one_target,
    weights_of_classes,
)


def batches_of(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = True,
    class_weight: dict[int, float] | None = None,
    seed: int | None = None,
    float_dtype: str | None = None,
) -> Batches:
    """Returns the batches of any source of data.

    Args:
        x: arrays and tensors of any installed framework, pandas frames, SciPy sparse matrices,
            h5py datasets, nested in lists, tuples and dicts; a Hugging Face dataset of rows; or a
            source of batches.
        y: targets; of a Hugging Face dataset the name of their column, "label" or "labels" if
            None; a source of batches has its own.
        sample_weight: weights of the rows, one array or nested like `y`; a source of batches has
            its own.
        batch_size: rows of a batch, 32 if None; a source of batches has its own.
        steps: batches of an epoch; the whole source if None.
        shuffle: whether rows come in another order in each epoch; "batch" to mix the rows within
            each batch alone. A source of batches shuffles by itself, a PyDataset excepted.
        class_weight: class -> weight of its rows.
        seed: where orders are drawn from; follows from the global seed if None.
        float_dtype: the dtype of floats; the default float if None.

    Raises:
        ValueError: something that is no source; arrays that do not fit each other; targets or
            weights beside a source that has its own.
    """
    if isinstance(x, Batches):
        return x
    if seed is None and shuffle:
        seed = make_default_seed()
    if is_stream(x):
        return DatasetStreamBatches(x, y, batch_size, steps, class_weight, seed, float_dtype)
    if is_dataset(x):
        x, y = columns_of_dataset(x, y)
    kind = stream_kind(x)
    if isinstance(x, PyDataset):
        kind = PyDatasetBatches
    if kind is not None:
        _has_its_own(kind.kind, y, sample_weight)
        more = {"shuffle": shuffle} if kind is PyDatasetBatches else {}
        made = kind(x, steps, class_weight, seed, float_dtype, **more)
        if made.is_endless and steps is None:
            raise ValueError(
                f"This {made.kind} has no end, so an epoch must be given one: pass "
                "`steps_per_epoch` to `fit`, `validation_steps` for validation data, `steps` to "
                "`evaluate` and `predict`."
            )
        return made
    return ArrayBatches(
        x, y, sample_weight, batch_size, steps, shuffle, class_weight, seed, float_dtype
    )


def _has_its_own(kind: str, y: Any, sample_weight: Any) -> None:
    given = (("y", "the targets", y), ("sample_weight", "the sample weights", sample_weight))
    for name, what, value in given:
        if value is not None:
            raise ValueError(
                f"When providing `x` as a {kind}, `{name}` should not be passed. Instead, {what} "
                f"should be included as part of the {kind}."
            )


def batch_of(
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: dict[int, float] | None,
    backend: Any,
    device: Any = None,
    float_dtype: str | None = None,
) -> Any:
    """Returns one batch as `train_step` gets it: packed, with native tensors.

    Args:
        x: inputs, nested arrays or tensors; those of other frameworks are converted.
        y: targets.
        sample_weight: weights of the rows, one array or nested like `y`.
        class_weight: class -> weight of its rows, in place of `sample_weight`.
        backend: the model's backend.
        device: where the tensors are to lie.
        float_dtype: the dtype of floats; the default float if None.

    Raises:
        ValueError: inputs that differ in their number of rows, or weights that do not fit.
    """
    class_weight = checked_class_weight(class_weight)
    convert = Converter(backend, device, float_dtype)
    x, y, sample_weight = map_structure(convert, (x, y, sample_weight))
    sample_weight = for_each_target(y, sample_weight)
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError(BOTH)
        needs_one_target(y)
        sample_weight = convert(weights_of_classes(as_host_array(y), class_weight))
    counts = {backend.static_shape(t)[:1] for t in flatten((x, y, sample_weight)) if t is not None}
    if len(counts) > 1:
        raise ValueError(
            "Data cardinality is ambiguous. Make sure all arrays contain the same number of "
            f"samples; received {sorted(counts)} rows in x, y and sample_weight."
        )
    return pack_x_y_sample_weight(x, y, sample_weight)


def unpack_validation_data(data: Any) -> tuple[Any, Any, Any]:
    """Returns (x, y, sample_weight) of `validation_data`; a source of batches comes as x.

    Args:
        data: (x, y), (x, y, sample_weight), or a source of batches.

    Raises:
        ValueError: a tuple of another length.
    """
    return unpack_x_y_sample_weight(data)
