"""`isozoo.constraints` is `isozoo.framework.constraints`: one module under both names."""

import sys

from .framework import constraints

sys.modules[__name__] = constraints
