"""EfficientNet-Lite's family: how its files are read."""

from __future__ import annotations

from ...framework.lazy import Reference
from ...hub.config_table import settings_table
from ...hub.registry import Family, Layout, register_family
from .weight_map import pytorch

register_family(
    Family(
        name="efficientnet_lite",
        tasks={
            "image_classifier": Reference(__package__, ".tasks", "EfficientNetLiteImageClassifier"),
            "backbone": Reference(__package__, ".backbone", "EfficientNetLiteBackbone"),
        },
        layouts={
            "pytorch": Layout(
                config=settings_table(
                    "EfficientNet-Lite", ("width_coefficient", "depth_coefficient")
                ),
                weight_map=lambda config: pytorch(),
                weights=("model.pth",),
                files=(),
            )
        },
    )
)
