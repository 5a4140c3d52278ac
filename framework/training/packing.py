"""Batches as tuples; the functions stand in `utils`, where Keras has them."""

from ..utils.packing import pack_x_y_sample_weight as pack_x_y_sample_weight
from ..utils.packing import unpack_x_y_sample_weight as unpack_x_y_sample_weight
