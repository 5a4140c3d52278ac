"""NASNet-A (Zoph et al. 2017), as in Keras."""

from ..keras_modules import exports

__getattr__, __dir__ = exports("nasnet")
