"""Magika's family: a graph, as an ONNX file or in a folder of our own."""

from __future__ import annotations

from ...framework.lazy import Reference
from ...hub.graph_layouts import graph_layouts
from ...hub.registry import Family, register_family

# What the original's package calls config.min.json and content_types_kb.min.json.
SETTINGS, TYPES = "settings.json", "content_types.json"

register_family(
    Family(
        name="magika",
        tasks={"file_classifier": Reference(__package__, ".tasks", "MagikaFileClassifier")},
        layouts=graph_layouts("isozoo_magika", {"network": "model.onnx"}, beside=(SETTINGS, TYPES)),
        model_types={"isozoo_magika": "isozoo"},
        backbone="",
    )
)
