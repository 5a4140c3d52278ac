"""Random draws, defined bit for bit by Philox4x32-10: the same on every backend."""

from ..backends.host_random import set_random_seed as set_random_seed
from .draws import SeedGenerator as SeedGenerator
from .draws import dropout as dropout
from .draws import normal as normal
from .draws import uniform as uniform
