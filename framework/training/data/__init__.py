"""Data for the training loop: any source, as batches of the model's own tensors."""

from .adapting import batch_of as batch_of
from .adapting import batches_of as batches_of
from .adapting import unpack_validation_data as unpack_validation_data
from .arrays import ArrayBatches as ArrayBatches
from .arrays import split_for_validation as split_for_validation
from .batches import Batches as Batches
