"""`isozoo.losses` is `isozoo.framework.losses`."""

import sys

from .framework import losses

sys.modules[__name__] = losses
