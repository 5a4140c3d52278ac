"""Image classifiers: one definition of each network, weights in the layouts that the world uses."""

from ..framework import lazy
from .keras_modules import MODULES, NETWORKS, add_modules

add_modules()
__getattr__, __dir__ = lazy.exports(
    __name__,
    {
        **NETWORKS,
        **{name: f".{name}" for name in (*MODULES, "imagenet_utils")},
        "EfficientNetLiteBackbone": ".efficientnet_lite.backbone",
        "EfficientNetLiteImageClassifier": ".efficientnet_lite.tasks",
        "GraphImageClassifier": ".graphs.tasks",
        "ImageClassifier": ".tasks",
        "ImageClassifierPreprocessor": ".preprocessing",
        "ImageError": ".images",
        "MagikaFileClassifier": ".magika.tasks",
        "MagikaPreprocessor": ".magika.preprocessing",
        "ResNetBackbone": ".resnet.backbone",
        "ResNetImageClassifier": ".resnet.tasks",
        "ViTBackbone": ".vit.backbone",
        "ViTImageClassifier": ".vit.tasks",
        "draw_classes": ".drawing",
        "features": ".feature_maps",
        "imagenet_classes": ".labels",
    },
)
