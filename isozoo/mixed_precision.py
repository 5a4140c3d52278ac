"""`isozoo.mixed_precision` is `isozoo.framework.mixed_precision`: one module under both names."""

import sys

from .framework import mixed_precision

sys.modules[__name__] = mixed_precision
