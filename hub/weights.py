"""Loading a weights file into variables, and exporting variables to one, by a weight map."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from ..framework.files import atomic_path, write_atomically
from .errors import HubError, WeightsError
from .readers.base import Reader, TensorInfo, numpy_dtype
from .readers.unwrapped import UnwrappedReader, unwrapped
from .transforms import Parts
from .weight_map import Group, Template, WeightMap, group_keys, group_paths


class Assignable(Protocol):
    """What `load` needs of a variable: `assign` takes an array of the variable's own dtype."""

    @property
    def shape(self) -> Any:
        """The sizes of the variable, ints."""

    @property
    def dtype(self) -> Any:
        """The dtype of the variable, by its name or as an object of NumPy."""

    def assign(self, value: Any, /) -> Any:
        """Replaces the variable's value by an array of its shape and dtype."""


@dataclass
class LoadReport:
    """What `load` did.

    Attributes:
        assigned: paths that got a value, in order.
        dropped: keys of the file that the map drops, or whose variable the model lacks.
        of_heads: those among `dropped` that belong to a head.
        tied: keys that were there besides, and equal.
        missing: paths left without a value because `allow_missing` named them.
    """

    assigned: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    of_heads: list[str] = field(default_factory=list)
    tied: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass
class _Plan:
    reader: Reader
    variables: Mapping[str, Assignable]
    weight_map: WeightMap
    prefix: str
    groups: list[Group] = field(default_factory=list)
    ties: list[Group] = field(default_factory=list)
    source_of: dict[str, Group] = field(default_factory=dict)
    report: LoadReport = field(default_factory=LoadReport)
    problems: dict[str, list[str]] = field(default_factory=dict)
    fresh: list[Template] = field(default_factory=list)

    def problem(self, head: str, line: str) -> None:
        self.problems.setdefault(head, []).append(line)


LEFT_OVER = "left over in the file: the model has no place for them"
MISSING = "missing from the file: the model has these variables"
MISSHAPEN = "of the wrong shape"
WRONG_KIND = "of the wrong kind of dtype"
UNEQUAL = "stored twice with different values"


def load(
    reader: Reader,
    variables: Mapping[str, Assignable],
    weight_map: WeightMap,
    *,
    allow_missing: Iterable[str] = (),
    fresh: Iterable[str] = (),
) -> LoadReport:
    """Streams the tensors of a file into variables, one at a time.

    Names, shapes and dtypes are all checked before anything is assigned. Then each tensor is read
    (a view of the memory map where the format allows), rearranged, cast to the variable's dtype
    within its kind (float16 -> float32, int64 -> int32), assigned, and its pages released.

    Args:
        reader: the open file.
        variables: path -> variable, of `shape`, `dtype` (a name) and `assign`.
        weight_map: the table for this file's layout.
        allow_missing: templates of paths that may stay without a value, such as a new head's.
        fresh: templates of paths that stay without a value, whatever the file has for them.

    Raises:
        WeightsError: keys left over, missing, misshapen, of another kind of dtype, or stored twice
            with different values. All are named at once, and no variable was changed.
        ReaderError: the file is damaged.
    """
    reader, prefix = unwrapped(reader, variables, weight_map)
    plan = _Plan(reader, variables, weight_map, prefix)
    plan.fresh = [Template(text) for text in fresh]
    _match_names(plan, [*map(Template, allow_missing), *plan.fresh])
    for group in plan.groups:
        _check_shapes(plan, group)
    for group in plan.ties:
        _check_shapes(plan, group)
    _raise_problems(plan)
    _check_values(plan)
    _raise_problems(plan)
    for group in plan.groups:
        _assign(plan, group)
    return plan.report


def _match_names(plan: _Plan, allowed: list[Template]) -> None:
    groups, unknown = group_keys(plan.reader.keys(), plan.weight_map, plan.prefix)
    for key in unknown:
        plan.problem(LEFT_OVER, f"{key} {_shape(plan.reader.info(key))}")
    for group in groups:
        _place(plan, group)
    _take_untied(plan)
    for path, variable in plan.variables.items():
        if path in plan.source_of:
            continue
        if any(template.match(path) is not None for template in allowed):
            plan.report.missing.append(path)
            continue
        keys = plan.weight_map.expected_keys(path, plan.prefix)
        expected = " or ".join(keys) if keys else "nothing: the weight map has no row for it"
        plan.problem(MISSING, f"{path} {list(variable.shape)} (expected in the file: {expected})")


def _place(plan: _Plan, group: Group) -> None:
    paths = group.row.paths(group.binding)
    named = [path for path in paths if path is not None]
    absent = [path for path in named if path not in plan.variables]
    if named and all(any(t.match(path) is not None for t in plan.fresh) for path in named):
        plan.report.dropped += group.keys.values()
    elif group.row.ours is None or (group.row.optional and len(absent) == len(named)):
        plan.report.dropped += group.keys.values()
        if group.row.head:
            plan.report.of_heads += group.keys.values()
    elif absent:
        plan.problem(LEFT_OVER, f"{group.name} (the model has no variable {', '.join(absent)})")
    elif parts := group.missing_parts(plan.weight_map, plan.prefix):
        plan.problem(MISSING, f"{named[0]} needs also {', '.join(parts)} besides {group.name}")
        plan.source_of[named[0]] = group
    elif group.row.tied:
        plan.ties.append(group)
    else:
        for path in named:
            if (other := plan.source_of.setdefault(path, group)) is not group:
                plan.problem(UNEQUAL, f"{path} would come from {other.name} and from {group.name}")
        plan.groups.append(group)


def _take_untied(plan: _Plan) -> None:
    """Gives a variable whose own key is missing the value of a tied key, equal by definition."""
    for group in list(plan.ties):
        paths = [path for path in group.row.paths(group.binding) if path is not None]
        if not any(path in plan.source_of for path in paths):
            plan.source_of.update(dict.fromkeys(paths, group))
            plan.ties.remove(group)
            plan.groups.append(group)


def _check_shapes(plan: _Plan, group: Group) -> None:
    paths = group.row.paths(group.binding)
    for keys in group.inputs:
        infos = [plan.reader.info(key) for key in keys]
        stored = " + ".join(map(_shape, infos))
        name = ", ".join(keys)
        try:
            shapes = group.row.steps.shapes([info.shape for info in infos], len(paths))
            if len(shapes) != len(paths):
                raise ValueError(f"{len(shapes)} arrays come out where {len(paths)} are wanted")
        except ValueError as error:
            plan.problem(MISSHAPEN, f"{name} {stored}: {error}")
            continue
        for path, shape in zip(paths, shapes, strict=True):
            if path is None:
                continue
            variable = plan.variables[path]
            want = tuple(variable.shape)
            if shape != want:
                hint = ""
                if shape == want[::-1]:
                    hint = " (it would fit transposed: is this the layout the map is for?)"
                plan.problem(
                    MISSHAPEN,
                    f"{name} {stored} gives {list(shape)}, {path} is {list(want)}{hint}",
                )
            for info in infos:
                if _kind(info.dtype) != _kind(str(variable.dtype)):
                    plan.problem(WRONG_KIND, f"{name} is {info.dtype}, {path} is {variable.dtype}")


def _raise_problems(plan: _Plan) -> None:
    if not plan.problems:
        return
    advice = ""
    if plan.problems.keys() & {LEFT_OVER, MISSING}:
        advice = "Use a model built for this file (its config), or the weight map of its layout."
        if plan.prefix:
            advice += f" Keys were read with the prefix {plan.prefix!r}."
        if isinstance(plan.reader, UnwrappedReader):
            advice += f" {plan.reader.wrapper!r} was taken off the front of every key."
    raise WeightsError(str(plan.reader.path), plan.problems, advice)


def _check_values(plan: _Plan) -> None:
    """Whatever must be equal or zero is, before anything is assigned."""
    for group in plan.groups:
        if None in group.row.paths(group.binding):
            for keys in group.inputs:
                _check_zero_parts(plan, group, keys)
        for keys in group.inputs[1:]:
            _check_equal(plan, group, keys, group, group.inputs[0])
    for group in plan.ties:
        plan.report.tied += group.keys.values()
        for path in group.row.paths(group.binding):
            source = plan.source_of.get(path) if path is not None else None
            if source is None:
                continue  # named among the missing
            for keys in group.inputs:
                _check_equal(plan, group, keys, source, source.inputs[0], path)


def _check_zero_parts(plan: _Plan, group: Group, keys: list[str]) -> None:
    paths = group.row.paths(group.binding)
    for index, (path, part) in enumerate(zip(paths, _read(plan, group, keys), strict=True)):
        if path is None and np.any(part):
            plan.problem(
                "not zero, though the model has no variable for it",
                f"{', '.join(keys)}, part {index + 1} of {len(paths)}",
            )


def _check_equal(
    plan: _Plan,
    group: Group,
    keys: list[str],
    other: Group,
    other_keys: list[str],
    path: str | None = None,
) -> None:
    same_steps = group.row.steps == other.row.steps
    identity = plan.reader.identity
    if same_steps and list(map(identity, keys)) == list(map(identity, other_keys)):
        return
    ours, theirs = _read(plan, group, keys), _read(plan, other, other_keys)
    if path is not None:
        ours = [ours[group.row.paths(group.binding).index(path)]]
        theirs = [theirs[other.row.paths(other.binding).index(path)]]
    if not all(_equal(a, b) for a, b in zip(ours, theirs, strict=True)):
        plan.problem(UNEQUAL, f"{', '.join(keys)} differs from {', '.join(other_keys)}")
    for key in (*keys, *other_keys):
        plan.reader.release(key)


def _equal(left: np.ndarray, right: np.ndarray) -> bool:
    if left.dtype == right.dtype and _kind(left.dtype.name) in ("int", "bool"):
        return np.array_equal(left, right)
    return bool(np.all((left == right) | ((left != left) & (right != right))))


def _read(plan: _Plan, group: Group, keys: list[str]) -> list[np.ndarray]:
    arrays = [plan.reader.read(key) for key in keys]
    return group.row.steps.forward(arrays, len(group.row.targets))


def _assign(plan: _Plan, group: Group) -> None:
    keys = group.inputs[0]
    values = _read(plan, group, keys)
    for path, value in zip(group.row.paths(group.binding), values, strict=True):
        if path is None:
            continue
        variable = plan.variables[path]
        dtype = numpy_dtype(str(variable.dtype))
        variable.assign(value if value.dtype == dtype else value.astype(dtype))
        plan.report.assigned.append(path)
    del values
    for key in keys:
        plan.reader.release(key)


def _shape(info: TensorInfo) -> str:
    return f"{list(info.shape)} {info.dtype}"


def _kind(dtype: str) -> str:
    """Casting stays within a kind: float, int, bool or complex."""
    if dtype.startswith(("float", "bfloat")):
        return "float"
    return dtype.rstrip("0123456789").removeprefix("u")


def export(
    variables: Mapping[str, Any],
    weight_map: WeightMap,
    path: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    metadata: Mapping[str, str] | None = None,
    max_shard_bytes: int = 5_000_000_000,
) -> list[Path]:
    """Writes variables to safetensors under the map's foreign names: the table read backward.

    Tied and dropped keys are left out, of alternatives the first is written. Files appear whole or
    not at all. Above `max_shard_bytes` the tensors go to `NAME-00001-of-0000N.safetensors` with an
    index `NAME.safetensors.index.json`, as the Hugging Face hub expects.

    Args:
        variables: path -> variable with `numpy()`, or array.
        weight_map: the table for the layout to write.
        path: the file to write, ending in `.safetensors`.
        prefix: the prefix for the map's prefixed rows; the map's first when None.
        metadata: free text for the header.
        max_shard_bytes: the most bytes of tensors in one file.

    Returns:
        The files written.

    Raises:
        WeightsError: variables without a row, or a row that lacks some of its variables.
    """
    prefix = weight_map.prefixes[0] if prefix is None else prefix
    tensors = _foreign_tensors(variables, weight_map, prefix)
    return write_safetensors(path, tensors, metadata, max_shard_bytes)


def _foreign_tensors(
    variables: Mapping[str, Any], weight_map: WeightMap, prefix: str
) -> dict[str, np.ndarray]:
    problems: dict[str, list[str]] = {}
    tensors: dict[str, np.ndarray] = {}
    for row, binding, held in group_paths(variables, weight_map):
        if row is None:
            problems.setdefault("no row of the weight map has them", []).append(held[0])
            continue
        paths = row.paths(binding)
        absent = [p for at, p in enumerate(paths) if p is not None and at not in held]
        if absent:
            line = f"{', '.join(absent)} besides {', '.join(held.values())}"
            problems.setdefault("needed to undo a split, and missing", []).append(line)
            continue
        keys = weight_map.keys_of(row, binding, prefix)[: None if row.joins else 1]
        if problems:
            continue  # it will be an error: spare the work
        parts: Parts = [_value(variables[p]) if p is not None else None for p in paths]
        for key, array in zip(keys, row.steps.inverse(parts, len(keys)), strict=True):
            tensors[key] = np.asarray(array, order="C")
    if problems:
        raise WeightsError("the export", problems, "Add rows for them to the weight map.")
    return tensors


def _value(variable: Any) -> np.ndarray:
    if isinstance(variable, np.ndarray):
        return variable
    return cast(np.ndarray, np.asarray(variable.numpy()))


def write_safetensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
    max_shard_bytes: int = 5_000_000_000,
) -> list[Path]:
    """Writes arrays to one safetensors file, or to several with an index; see `export`.

    Raises:
        HubError: the path does not end in `.safetensors`.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise HubError(f"cannot export to {path}: a name ending in .safetensors is expected")
    shards = _shards(tensors, max_shard_bytes)
    meta = {"format": "pt", **(metadata or {})}
    if len(shards) == 1:
        _write_one(path, shards[0], meta)
        return [path]
    names = [
        f"{path.stem}-{index:05}-of-{len(shards):05}.safetensors"
        for index in range(1, len(shards) + 1)
    ]
    written: list[Path] = []
    index = {
        "metadata": {"total_size": sum(array.nbytes for array in tensors.values())},
        "weight_map": {k: name for name, shard in zip(names, shards, strict=True) for k in shard},
    }
    index_path = path.with_name(path.name + ".index.json")
    try:
        for name, shard in zip(names, shards, strict=True):
            _write_one(path.with_name(name), shard, meta)
            written.append(path.with_name(name))
        write_atomically(index_path, (json.dumps(index, indent=2, sort_keys=True) + "\n").encode())
    except BaseException:
        for shard_path in written:
            shard_path.unlink(missing_ok=True)
        raise
    return [*written, index_path]


def _shards(tensors: Mapping[str, np.ndarray], limit: int) -> list[dict[str, np.ndarray]]:
    shards: list[dict[str, np.ndarray]] = [{}]
    room = limit
    for key, array in tensors.items():
        if shards[-1] and array.nbytes > room:
            shards.append({})
            room = limit
        shards[-1][key] = array
        room -= array.nbytes
    return shards


def _write_one(path: Path, tensors: Mapping[str, np.ndarray], metadata: dict[str, str]) -> None:
    from safetensors.numpy import save_file

    with atomic_path(path) as temporary:
        save_file(dict(tensors), temporary, metadata=metadata)
