"""`isozoo.config` is `isozoo.framework.config`: one module under both names."""

import sys

from .framework import config

sys.modules[__name__] = config
