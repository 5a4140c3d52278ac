"""`isozoo.utils` is `isozoo.framework.utils`: one module under both names."""

import sys

from .framework import utils

sys.modules[__name__] = utils
sys.modules[f"{__name__}.bounding_boxes"] = utils.bounding_boxes
