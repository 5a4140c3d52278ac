"""ConvNeXt (Liu et al. 2022), as in Keras."""

from ..keras_modules import exports

__getattr__, __dir__ = exports("convnext")
