"""YOLOv8's family: how its files are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNTS, FLAG, LAYER_COUNT, LAYER_COUNTS, Argument, ConfigTable
from ...hub.readers.base import Reader
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import IRRELEVANT
from .weight_map import FIRST_KEY, LAST_KEY, ultralytics

# The config of our own folders: ultralytics keeps all of it in its pickle.
CONFIG = ConfigTable(
    "YOLOv8",
    Argument("channels", "channels", COUNTS),
    Argument("depths", "depths", LAYER_COUNTS),
    Argument("neck_depth", "neck_depth", LAYER_COUNT),
    Argument("pool_activation", "pool_activation", FLAG, True),
    irrelevant=(*IRRELEVANT, "object_preprocessing"),
    constants={"model_type": "yolov8"},
)


def _of_checkpoint(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    from .checkpoint import described

    return dict(described(files).backbone)


def _recognized(reader: Reader) -> Mapping[str, Any] | None:
    """No settings for a file of ultralytics' detectors: it says all by itself. Else None."""
    root = getattr(getattr(reader, "module", None), "name", "")
    known = root == "ultralytics.nn.tasks DetectionModel"
    return {} if known or {FIRST_KEY, LAST_KEY} <= set(reader.keys()) else None


register_family(
    Family(
        name="yolov8",
        tasks={
            "object_detector": Reference(__package__, ".tasks", "YOLOv8ObjectDetector"),
            "backbone": Reference(__package__, ".backbone", "YOLOv8Backbone"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: ultralytics(),
                weights=("model.safetensors", "model.safetensors.index.json"),
            ),
            "ultralytics": Layout(
                config=_of_checkpoint,
                weight_map=lambda config: ultralytics(),
                weights=("model.pt", "model.safetensors"),
                files=(),
                recognize=_recognized,
            ),
        },
        model_types={"yolov8": "huggingface"},
        architectures={
            "YOLOv8ObjectDetector": Architecture("huggingface", "object_detector"),
            "YOLOv8Backbone": Architecture("huggingface", "backbone"),
        },
    )
)
