"""`isozoo.regularizers` is `isozoo.framework.regularizers`: one module under both names."""

import sys

from .framework import regularizers

sys.modules[__name__] = regularizers
