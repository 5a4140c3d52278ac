"""`isozoo.saving` is `isozoo.framework.saving`: one module under both names."""

import sys

from .framework import saving

sys.modules[__name__] = saving
