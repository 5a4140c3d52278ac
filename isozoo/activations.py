"""`isozoo.activations` is `isozoo.framework.activations`: one module under both names."""

import sys

from .framework import activations

sys.modules[__name__] = activations
