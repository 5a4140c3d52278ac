"""EfficientNet and EfficientNetV2 (Tan and Le 2019, 2021), as in Keras."""

from ..keras_modules import exports

__getattr__, __dir__ = exports("efficientnet")
