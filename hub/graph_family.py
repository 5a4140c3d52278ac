"""Graphs from outside as presets: a family whose config is the graph itself, as JSON.

A folder holds config.json (which says that it is one), graph.json and model.safetensors, with the
weights under the names of their origin. It opens without what it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..framework.files import write_atomically
from ..framework.lazy import Reference
from .errors import HubError
from .exporting import export
from .registry import Family, Layout, register_family
from .weight_map import Row, WeightMap

MODEL_TYPE = "isozoo_graph"
CONFIG, GRAPH = "config.json", "graph.json"
# Where the files lie that tell of the inputs at the graph's origin, and which these are.
ORIGIN = "origin"
ORIGIN_FILES = (
    *("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model"),
    *("sentencepiece.bpe.model", "generation_config.json"),
)
# Each tensor has its variable's name.
_SAME_NAMES = WeightMap(Row("{rest*}", "{rest*}"))


def _arguments(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    from ..framework.graphs import ForeignGraph, GraphError

    try:
        return {"graph": ForeignGraph.from_json(files[GRAPH])}
    except GraphError as error:
        raise HubError(f"{GRAPH}: {error}") from error


def _weight_map(arguments: Mapping[str, Any]) -> WeightMap:
    return _SAME_NAMES


def _write(
    model: Any,
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    held = {path: variables[path] for path in model.graph.weights}
    written = export(held, _SAME_NAMES, folder / "model.safetensors", dtype=dtype)
    config = {"model_type": MODEL_TYPE, "origin": model.graph.origin}
    for name, content in {CONFIG: config, GRAPH: model.graph.to_json()}.items():
        text = json.dumps(content, allow_nan=False, indent=2 if name == CONFIG else None)
        write_atomically(folder / name, (text + "\n").encode())
        written.append(folder / name)
    files = getattr(getattr(model, "preprocessor", None), "files", {})
    for name in ORIGIN_FILES:
        if name in files:
            (folder / ORIGIN).mkdir(exist_ok=True)
            write_atomically(folder / ORIGIN / name, files[name].read_bytes())
            written.append(folder / ORIGIN / name)
    return written


def register_graphs() -> None:
    """Registers the family."""
    register_family(
        Family(
            "graph",
            tasks={"graph": Reference(__package__, ".graphs", "GraphModel")},
            layouts={
                "isozoo": Layout(
                    _arguments,
                    _weight_map,
                    weights=("model.safetensors", "model.safetensors.index.json"),
                    files=(CONFIG, GRAPH),
                    optional_files=tuple(f"{ORIGIN}/{name}" for name in ORIGIN_FILES),
                    write=_write,
                )
            },
            model_types={MODEL_TYPE: "isozoo"},
            backbone="",  # the weights' names are those of their origin, whatever they begin with
        )
    )
