"""`isozoo.visualization` is `isozoo.framework.visualization`: one module under both names."""

import sys

from .framework import visualization

sys.modules[__name__] = visualization
