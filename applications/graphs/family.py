"""The family of image classifiers that are graphs, in folders of our own."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.graph_family import IMAGE_CLASSIFIER, SAME_NAMES, graph_layout
from ...hub.loading import open_weights
from ...hub.preset import LocalPreset
from ...hub.registry import Architecture, Family, register_family
from ...hub.weights import LoadReport, load


def _fill(model: Any, local: LocalPreset) -> LoadReport:
    """Reads the weights; those of a head for other classes than the file's stay without values."""
    fresh = model.head if model.head_is_new else ()
    with open_weights(local) as reader:
        paths = {path: model.weights_by_path()[path] for path in model.graph.weights}
        return load(reader, paths, SAME_NAMES, fresh=fresh)


register_family(
    Family(
        name=IMAGE_CLASSIFIER,
        tasks={"image_classifier": Reference(__package__, ".tasks", "GraphImageClassifier")},
        layouts={"isozoo": graph_layout(_fill)},
        architectures={"GraphImageClassifier": Architecture("isozoo", "image_classifier")},
        backbone="",
    )
)
