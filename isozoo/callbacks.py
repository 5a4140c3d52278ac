"""`isozoo.callbacks` is `isozoo.framework.training.callbacks`: one module under both names."""

import sys

from .framework.training import callbacks

sys.modules[__name__] = callbacks
