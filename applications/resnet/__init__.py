"""ResNet (He et al. 2015), in the forms of Keras and of torchvision, timm and transformers."""

from ..keras_modules import exports

__getattr__, __dir__ = exports("resnet")
