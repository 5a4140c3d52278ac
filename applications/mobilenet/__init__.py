"""MobileNet v1, v2 and v3 (Howard et al. 2017, 2019; Sandler et al. 2018), as in Keras."""

from ..keras_modules import exports

__getattr__, __dir__ = exports("mobilenet")
