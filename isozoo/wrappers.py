"""`isozoo.wrappers` is `isozoo.framework.wrappers`: one module under both names."""

import sys

from .framework import wrappers

sys.modules[__name__] = wrappers
