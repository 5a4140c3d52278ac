"""`isozoo.dtype_policies` is `isozoo.framework.dtype_policies`: one module under both names."""

import sys

from .framework import dtype_policies

sys.modules[__name__] = dtype_policies
