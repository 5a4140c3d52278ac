"""`isozoo.initializers` is `isozoo.framework.initializers`: one module under both names."""

import sys

from .framework import initializers

sys.modules[__name__] = initializers
