"""EfficientNet-Lite with a head."""

from __future__ import annotations

from typing import Any

from ..adapters import ImageClassifierPresetAdapter
from ..image_configs import OWN, write_own
from ..tasks import ImageClassifier
from .backbone import EfficientNetLiteBackbone


class EfficientNetLitePresetAdapter(ImageClassifierPresetAdapter):
    """Keeps how pictures are prepared in config.json: transformers has no word for its crop."""

    @classmethod
    def config_entries(cls, model: Any) -> dict[str, Any]:
        """Returns the classes, and how pictures are prepared."""
        found = super().config_entries(model)
        return (
            found if model.preprocessor is None else {**found, OWN: write_own(model.preprocessor)}
        )

    @classmethod
    def json_files(cls, model: Any) -> dict[str, dict[str, Any]]:
        """Returns no files: all of it stands in config.json."""
        return {}


class EfficientNetLiteImageClassifier(ImageClassifier):
    """EfficientNet-Lite that names what is in a picture; see `ImageClassifier`."""

    backbone_class = EfficientNetLiteBackbone
    preset_adapter = EfficientNetLitePresetAdapter
