"""EfficientNet-Lite's family: how its files are read."""

from __future__ import annotations

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, NUMBER, Argument, ConfigTable, settings_table
from ...hub.registry import Family, Layout, register_family
from ...hub.transformers_config import IRRELEVANT
from ..image_configs import OWN
from .weight_map import pytorch

# No other library has a config of this family, so that this one is ours.
CONFIG = ConfigTable(
    "EfficientNet-Lite",
    Argument("width_coefficient", "width_coefficient", NUMBER),
    Argument("depth_coefficient", "depth_coefficient", NUMBER),
    Argument("depth_divisor", "depth_divisor", COUNT, 8),
    Argument("batch_norm_epsilon", "epsilon", NUMBER, 1e-3),
    irrelevant=(*IRRELEVANT, OWN),
    constants={"model_type": "efficientnet_lite"},
)

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
            ),
            "huggingface": Layout(config=CONFIG, weight_map=lambda config: pytorch()),
        },
        model_types={"efficientnet_lite": "huggingface"},
    )
)
