"""Normalization: by a batch, within an example, of vectors and of weights."""

from .batch import BatchNormalization as BatchNormalization
from .group import GroupNormalization as GroupNormalization
from .layer import LayerNormalization as LayerNormalization
from .root_mean_square import RMSNormalization as RMSNormalization
from .spectral import SpectralNormalization as SpectralNormalization
from .unit import UnitNormalization as UnitNormalization
