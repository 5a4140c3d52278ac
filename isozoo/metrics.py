"""`isozoo.metrics` is `isozoo.framework.metrics`."""

import sys

from .framework import metrics

sys.modules[__name__] = metrics
