"""`isozoo.random` is `isozoo.framework.random`: one module under both names."""

import sys

from .framework import random

sys.modules[__name__] = random
