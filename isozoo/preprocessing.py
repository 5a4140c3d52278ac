"""`isozoo.preprocessing` is `isozoo.framework.preprocessing`: one module under both names."""

import sys

from .framework import preprocessing

sys.modules[__name__] = preprocessing
