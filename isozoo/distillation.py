"""`isozoo.distillation` is `isozoo.framework.distillation`: one module under both names."""

import sys

from .framework import distillation

sys.modules[__name__] = distillation
