"""DenseNet (Huang et al. 2016), as in Keras."""

from ..keras_modules import exports

__getattr__, __dir__ = exports("densenet")
