"""PP-OCR's family: three graphs, as ONNX files or in a folder of our own."""

from __future__ import annotations

from ...framework.lazy import Reference
from ...hub.graph_layouts import graph_layouts
from ...hub.registry import Family, register_family

FILES = {
    "detector": "detector.onnx",
    "recognizer": "recognizer.onnx",
    "classifier": "classifier.onnx",
}

register_family(
    Family(
        name="ppocr",
        tasks={"text_reader": Reference(__package__, ".tasks", "PPOCRTextReader")},
        layouts=graph_layouts("isozoo_ppocr", FILES, optional=("classifier",)),
        model_types={"isozoo_ppocr": "isozoo"},
        backbone="",
    )
)
