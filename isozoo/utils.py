"""`isozoo.utils` is `isozoo.framework.utils`: one module under both names."""

import sys

from .framework import utils

sys.modules[__name__] = utils
