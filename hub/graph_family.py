"""Graphs from outside as presets: a family whose config is the graph itself, as JSON.

A folder holds config.json (which says that it is one), graph.json and model.safetensors, with the
weights under the names of their origin. It opens without what it came from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..framework.configs import plain_class
from ..framework.files import write_atomically
from ..framework.lazy import Reference
from .errors import HubError
from .exporting import export
from .preset import LocalPreset
from .registry import Family, Layout, register_family
from .weight_map import Row, WeightMap
from .weights import LoadReport

MODEL_TYPE = "isozoo_graph"
# The family of image classifiers that are graphs, which the floor of models registers.
IMAGE_CLASSIFIER = "graph_image_classifier"
CONFIG, GRAPH = "config.json", "graph.json"
# Where the files lie that tell of the inputs at the graph's origin, and which these are.
ORIGIN = "origin"
ORIGIN_FILES = (
    *("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model"),
    *("sentencepiece.bpe.model", "generation_config.json"),
)
# Each tensor has its variable's name.
SAME_NAMES = WeightMap(Row("{rest*}", "{rest*}"))


def _arguments(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    from ..framework.graphs import ForeignGraph, GraphError

    try:
        return {"graph": ForeignGraph.from_json(files[GRAPH])}
    except GraphError as error:
        raise HubError(f"{GRAPH}: {error}") from error


def _weight_map(arguments: Mapping[str, Any]) -> WeightMap:
    return SAME_NAMES


def _write(
    model: Any,
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    held = {path: variables[path] for path in model.graph.weights}
    written = export(held, SAME_NAMES, folder / "model.safetensors", dtype=dtype)
    config: dict[str, Any] = {"model_type": MODEL_TYPE, "origin": model.graph.origin}
    adapter = getattr(model, "preset_adapter", None)
    if adapter is not None:  # a task, which config.json names
        config |= {"architectures": [plain_class(type(model)).__name__]}
        config |= adapter.config_entries(model, "isozoo")
    for name, content in {CONFIG: config, GRAPH: model.graph.to_json()}.items():
        text = json.dumps(content, allow_nan=False, indent=2 if name == CONFIG else None)
        write_atomically(folder / name, (text + "\n").encode())
        written.append(folder / name)
    # What prepares a task's inputs stands in config.json.
    files = getattr(getattr(model, "preprocessor", None), "files", {}) if adapter is None else {}
    for name in ORIGIN_FILES:
        if name in files:
            (folder / ORIGIN).mkdir(exist_ok=True)
            write_atomically(folder / ORIGIN / name, files[name].read_bytes())
            written.append(folder / ORIGIN / name)
    return written


def graph_layout(fill: Callable[[Any, LocalPreset], LoadReport] | None = None) -> Layout:
    """Returns the layout of folders of graphs: config.json, graph.json and the weights.

    Args:
        fill: see `Layout.fill`. With one, nothing of the graph's origin lies there.
    """
    origin = () if fill is not None else ORIGIN_FILES
    return Layout(
        _arguments,
        _weight_map,
        weights=("model.safetensors", "model.safetensors.index.json"),
        files=(CONFIG, GRAPH),
        optional_files=tuple(f"{ORIGIN}/{name}" for name in origin),
        fill=fill,
        write=_write,
    )


def register_graphs() -> None:
    """Registers the family."""
    register_family(
        Family(
            "graph",
            tasks={"graph": Reference(__package__, ".graphs", "GraphModel")},
            layouts={"isozoo": graph_layout()},
            model_types={MODEL_TYPE: "isozoo"},
            backbone="",  # the weights' names are those of their origin, whatever they begin with
        )
    )
