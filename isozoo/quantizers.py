"""`isozoo.quantizers` is `isozoo.framework.quantizers`: one module under both names."""

import sys

from .framework import quantizers

sys.modules[__name__] = quantizers
