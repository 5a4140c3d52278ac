"""Pictures in, classes out, of a graph from outside: a net of timm, an ONNX file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...framework.graphs import ForeignGraph
from ...framework.graphs.heads import head_of, with_classes
from ...hub.bases import Task
from ...hub.graphs import GraphModel
from ..adapters import OwnImagePresetAdapter
from ..preprocessing import ImageClassifierPreprocessor
from ..tasks import ClassifiesPictures


class GraphImagePreprocessor(ImageClassifierPreprocessor):
    """Pictures to float32 arrays (batch, 3, height, width), as graphs take them mostly."""

    def __call__(self, images: Any) -> np.ndarray:
        """One picture or several (see `load_image`), as float32 (batch, 3, height, width).

        Raises ImageError for what is not a picture, and ValueError for none at all.
        """
        return np.ascontiguousarray(super().__call__(images).transpose(0, 3, 1, 2))


class GraphImagePresetAdapter(OwnImagePresetAdapter):
    """Keeps classes and preparation in config.json."""

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ImageClassifierPreprocessor:
        """Returns the preprocessor that a preset's files describe, in the graph's order of axes."""
        made = super().make_preprocessor(files, config, settings)
        if takes_channels_last(config["graph"]):
            return made
        arguments = {name: getattr(made, name) for name in vars(made)}
        return GraphImagePreprocessor(**arguments)


def takes_channels_last(graph: ForeignGraph) -> bool:
    """Tells whether a graph takes pictures as (batch, height, width, 3)."""
    shape = graph.inputs[0].shape or ()
    return len(shape) == 4 and shape[3] == 3 and shape[1] != 3


class GraphImageClassifier(ClassifiesPictures, GraphModel, Task):
    """A graph of pictures whose first output has the scores of classes, (batch, num_classes).

    It is called as its graph says, which is mostly with images (batch, 3, height, width).

    Args:
        graph: the graph, or what `ForeignGraph.to_json` gives of one.
        num_classes: the number of classes; that of the graph if None, else its last product begins
            anew with as many outputs.
        name: of the model.
        **kwargs: see ImportedModel.

    Raises:
        GraphError: the graph has several inputs, or does not end with a product; see
            `framework.graphs.heads`.
    """

    task = "image_classifier"
    preset_adapter = GraphImagePresetAdapter

    def __init__(
        self, graph: Any, num_classes: int | None = None, name: str | None = None, **kwargs: Any
    ) -> None:
        if not isinstance(graph, ForeignGraph):
            graph = ForeignGraph.from_json(graph)
        found = head_of(graph)
        count = found.classes if num_classes is None else num_classes
        if count != found.classes:
            graph = with_classes(graph, count)
        super().__init__(graph, name, **kwargs)
        # Not by setattr: a net has parts of such names, whose weights would be let go of.
        vars(self).update(
            num_classes=count,
            head_is_new=count != found.classes,
            head=tuple(path for path in (found.kernel, found.bias) if path),
        )

    def features(self, inputs: Any, at: str | Iterable[str]) -> Any:
        """Returns values inside the graph by their names; see `ImportedModel.features`.

        Args:
            inputs: what `classify` takes, or floats as the graph takes them.
            at: one name, whose value is returned, or several, for a dict.

        Raises:
            GraphError: the graph has no value of a name.
            ImageError: a picture cannot be read.
        """
        is_given = getattr(inputs, "ndim", 0) == 4 and "float" in str(inputs.dtype)
        given = inputs if is_given else self.checked_preprocessor()(inputs)
        return super().features(given, at)

    def freeze_backbone(self) -> None:
        """Lets only the head train."""
        for path, variable in self.weights_by_path().items():
            variable.trainable = variable.trainable and path in self.head

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Any:
        """Makes the preprocessor that a preset's files describe."""
        return cls.preset_adapter.make_preprocessor(files, config, settings)
