"""EfficientNet-Lite with a head."""

from __future__ import annotations

from ..adapters import OwnImagePresetAdapter
from ..tasks import ImageClassifier
from .backbone import EfficientNetLiteBackbone


class EfficientNetLiteImageClassifier(ImageClassifier):
    """EfficientNet-Lite that names what is in a picture; see `ImageClassifier`."""

    backbone_class = EfficientNetLiteBackbone
    preset_adapter = OwnImagePresetAdapter
