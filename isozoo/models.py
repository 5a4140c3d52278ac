"""`isozoo.models` is `isozoo.framework.models`: one module under both names."""

import sys

from .framework import models

sys.modules[__name__] = models
