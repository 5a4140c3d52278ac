"""Starting values of weights: the same numbers on every backend for the same seed."""

from .initializers import *  # noqa: F403
