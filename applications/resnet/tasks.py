"""ResNet with a head."""

from __future__ import annotations

from ..tasks import ImageClassifier
from .backbone import ResNetBackbone


class ResNetImageClassifier(ImageClassifier):
    """ResNet that names what is in a picture; see `ImageClassifier`."""

    backbone_class = ResNetBackbone
