"""Xception (Chollet 2016), as in Keras."""

from ..keras_modules import exports

__getattr__, __dir__ = exports("xception")
