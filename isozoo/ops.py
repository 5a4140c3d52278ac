"""`isozoo.ops` is `isozoo.framework.ops`: one module under both names."""

import sys

from .framework import ops

sys.modules[__name__] = ops
