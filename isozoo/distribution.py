"""`isozoo.distribution` is `isozoo.framework.distribution`: one module under both names."""

import sys

from .framework import distribution

sys.modules[__name__] = distribution
