"""Layouts of tasks whose networks are graphs from outside, each of a file of its own.

There are two: the files as they come ("onnx"), and folders of our own ("isozoo"), which hold each
graph as JSON and the weights of all in one file, and open without the package `onnx`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..framework.files import write_atomically
from .errors import HubError
from .exporting import export
from .preset import LocalPreset
from .registry import Layout
from .weight_map import Row, WeightMap
from .weights import LoadReport

if TYPE_CHECKING:
    from ..framework.graphs import ForeignGraph
    from .graph_tasks import GraphTask

CONFIG = "config.json"
# Each tensor has its variable's name.
_SAME_NAMES = WeightMap(Row("{rest*}", "{rest*}"))


def graph_layouts(
    model_type: str,
    files: Mapping[str, str],
    optional: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
) -> dict[str, Layout]:
    """Returns the layouts of a family whose parts are graphs.

    Args:
        model_type: what config.json of a folder of our own says.
        files: name of the part -> its ONNX file.
        optional: parts that may be left out.
        beside: further files of the ONNX layout.
    """
    needed = tuple(name for part, name in files.items() if part not in optional)
    json_files = {part: f"{part}.json" for part in files}
    return {
        "onnx": Layout(
            _read_from(files, optional, _of_onnx),
            lambda arguments: _SAME_NAMES,
            weights=needed[:1],
            files=(*needed[1:], *beside),
            optional_files=tuple(files[part] for part in optional),
            fill=_filled_from(files),
        ),
        "isozoo": Layout(
            _read_from(json_files, optional, _of_json),
            lambda arguments: _SAME_NAMES,
            weights=("model.safetensors", "model.safetensors.index.json"),
            files=(CONFIG, *(json_files[part] for part in files if part not in optional)),
            optional_files=tuple(json_files[part] for part in optional),
            write=_written_as(model_type, json_files),
        ),
    }


def _of_onnx(files: Any, name: str) -> ForeignGraph:
    from ..framework.graphs.reading_onnx import read_onnx

    return read_onnx(files.paths[name])[0]


def _of_json(files: Any, name: str) -> ForeignGraph:
    from ..framework.graphs import ForeignGraph

    return ForeignGraph.from_json(files[name])


def _read_from(
    names: Mapping[str, str], optional: tuple[str, ...], read: Callable[[Any, str], ForeignGraph]
) -> Callable[[Any, Mapping[str, Any]], dict[str, Any]]:
    def arguments(files: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
        from ..framework.graphs import GraphError

        found: dict[str, Any] = {}
        for part, name in names.items():
            if part in optional and name not in files.paths:
                continue
            try:
                found[part] = read(files, name)
            except GraphError as error:
                raise HubError(f"{name}: {error}") from error
        return found

    return arguments


def _filled_from(names: Mapping[str, str]) -> Callable[[Any, LocalPreset], LoadReport]:
    def fill(model: GraphTask, local: LocalPreset) -> LoadReport:
        from ..framework.graphs.reading_onnx import read_onnx

        report = LoadReport()
        for part in model.part_names:
            _, arrays = read_onnx(local.paths[names[part]])
            getattr(model, part).load_arrays(arrays)
            report.assigned += [f"{part}.{path}" for path in arrays]
        return report

    return fill


def _written_as(model_type: str, names: Mapping[str, str]) -> Callable[..., list[Path]]:
    def write(
        model: GraphTask,
        arguments: Mapping[str, Any],
        variables: Mapping[str, Any],
        folder: Path,
        dtype: str | None,
    ) -> list[Path]:
        written = export(variables, _SAME_NAMES, folder / "model.safetensors", dtype=dtype)
        entries = model.preset_adapter.config_entries(model, "isozoo")
        contents = {CONFIG: {"model_type": model_type, **entries}}
        for part in model.part_names:
            contents[names[part]] = getattr(model, part).graph.to_json()
        for name, content in contents.items():
            text = json.dumps(content, allow_nan=False)
            write_atomically(folder / name, (text + "\n").encode())
            written.append(folder / name)
        return written

    return write
