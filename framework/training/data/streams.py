"""Sources that come in batches already: datasets and loaders of other libraries, generators."""

import itertools
from collections.abc import Iterator
from typing import Any

from ...utils.packing import unpack_x_y_sample_weight
from .batches import Batches
from .columns import as_host_array
from .foreign import inherits
from .weights import BOTH, checked_class_weight, needs_one_target, weights_of_classes

# tf.data.INFINITE_CARDINALITY
_INFINITE = -1


class StreamBatches(Batches):
    """Batches of a source that yields them: base of the kinds of sources.

    Args:
        source: what yields x, or tuples (x,), (x, y) or (x, y, sample_weight).
        steps: batches of an epoch; all if None.
        class_weight: class -> weight of its rows, where the source gives no weights.
        seed: where orders are drawn from.
        float_dtype: the dtype of floats; the default float if None.
    """

    # What the source is called in messages.
    kind = "source of batches"

    def __init__(
        self,
        source: Any,
        steps: int | None = None,
        class_weight: Any = None,
        seed: int | None = None,
        float_dtype: str | None = None,
    ) -> None:
        super().__init__(steps, seed, float_dtype)
        self._source = source
        self._class_weight = checked_class_weight(class_weight)

    @property
    def length(self) -> int | None:
        """What `len` says of the source; None where it says nothing."""
        try:
            return len(self._source)
        except (TypeError, NotImplementedError):
            return None

    @property
    def is_endless(self) -> bool:
        """Whether the source says that it has no end."""
        return False

    def read(self, number: int, skip: int) -> Iterator[Any]:
        """Yields the batches of a pass, packed, with weights of rows from those of classes."""
        for batch in self._raw(number, skip):
            yield self._packed(batch)

    def _raw(self, number: int, skip: int) -> Iterator[Any]:
        """The source's own batches of a pass."""
        return itertools.islice(iter(self._source), skip, None)

    def _packed(self, batch: Any) -> Any:
        if isinstance(batch, list):
            batch = tuple(batch)
        x, y, sample_weight = unpack_x_y_sample_weight(batch)
        if self._class_weight is None:
            return batch
        if sample_weight is not None:
            raise ValueError(BOTH)
        needs_one_target(y)
        return x, y, weights_of_classes(as_host_array(y), self._class_weight)


class TensorFlowDatasetBatches(StreamBatches):
    """Batches of a `tf.data.Dataset`, which batches and shuffles by itself."""

    kind = "tf.data.Dataset"

    @property
    def length(self) -> int | None:
        """The dataset's cardinality; None where that is unknown or infinite."""
        found = self._cardinality()
        return found if found >= 0 else None

    @property
    def is_endless(self) -> bool:
        """Whether the dataset's cardinality is infinite."""
        return self._cardinality() == _INFINITE

    def _cardinality(self) -> int:
        found: Any = self._source.cardinality
        if callable(found):
            found = found()
        return int(found)

    def _raw(self, number: int, skip: int) -> Iterator[Any]:
        return iter(self._source.skip(skip) if skip else self._source)


class TorchLoaderBatches(StreamBatches):
    """Batches of a `torch.utils.data.DataLoader`, which batches and shuffles by itself."""

    kind = "torch DataLoader"

    def __init__(self, source: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(source, *args, **kwargs)
        self.batch_size = source.batch_size


class GrainBatches(StreamBatches):
    """Batches of a grain dataset or DataLoader, which batches and shuffles by itself."""

    kind = "grain.Dataset and grain.DataLoader"


class IterableBatches(StreamBatches):
    """Batches of an object that can be iterated over again and again."""

    kind = "iterable of batches"


class GeneratorBatches(StreamBatches):
    """Batches of a generator or another iterator, which can be read only once.

    What was read ahead and not used, because an epoch was left, comes first in the next one.
    """

    kind = "generator"

    @property
    def length(self) -> int | None:
        """Unknown."""
        return None

    def read(self, number: int, skip: int) -> Iterator[Any]:
        """Yields what the generator has left."""
        while self._unread:
            yield self._unread.pop(0)
        yield from super().read(number, skip)

    def _packed(self, batch: Any) -> Any:
        if not isinstance(batch, tuple):
            raise ValueError(
                "When passing a Python generator to a Keras model, the generator must return a "
                "tuple, either (input,) or (inputs, targets) or (inputs, targets, "
                f"sample_weights). Received: {str(batch)[:100]} of type {type(batch).__name__}."
            )
        return super()._packed(batch)


def stream_kind(x: Any) -> type[StreamBatches] | None:
    """Returns the class of batches of a source that comes in batches; None if `x` is none.

    Args:
        x: any object; nothing is imported to tell what it is.
    """
    tensorflow = ("DatasetV2", "DistributedDataset", "DistributedDatasetsFromFunction")
    if inherits(x, "tensorflow", *tensorflow):
        return TensorFlowDatasetBatches
    if inherits(x, "torch", "DataLoader"):
        return TorchLoaderBatches
    if inherits(x, "grain", "MapDataset", "IterDataset", "DataLoader"):
        return GrainBatches
    if isinstance(x, str | bytes | dict | list | tuple | set) or hasattr(x, "__array__"):
        return None
    if hasattr(x, "__next__"):
        return GeneratorBatches
    array_like = hasattr(x, "shape") or hasattr(x, "dtype")
    return IterableBatches if hasattr(x, "__iter__") and not array_like else None
