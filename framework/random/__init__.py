"""Random draws, defined bit for bit by Philox4x32-10: the same on every backend.

Element e of a draw is the e-th in row-major order; it depends on the key (seed, number of the
draw) and on e alone, so that it is the same however a shape is split among devices or programs.
"""

from ..backends.host_random import set_random_seed as set_random_seed
from .distributions import beta as beta
from .distributions import binomial as binomial
from .distributions import gamma as gamma
from .draws import dropout as dropout
from .draws import normal as normal
from .draws import truncated_normal as truncated_normal
from .draws import uniform as uniform
from .integers import categorical as categorical
from .integers import randint as randint
from .integers import shuffle as shuffle
from .seeds import SeedGenerator as SeedGenerator
