"""`isozoo.layers` is `isozoo.framework.layers`: one module under both names."""

import sys

from .framework import layers

sys.modules[__name__] = layers
