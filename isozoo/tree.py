"""`isozoo.tree` is `isozoo.framework.tree`: one module under both names."""

import sys

from .framework import tree

sys.modules[__name__] = tree
