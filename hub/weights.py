"""Loading a weights file into variables, by a weight map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .errors import WeightsError
from .readers.base import Reader, TensorInfo, numpy_dtype
from .readers.unwrapped import UnwrappedReader, unwrapped
from .tensors import PendingTensor
from .weight_map import Group, Template, WeightMap, group_keys


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
    plan = _checked_plan(reader, variables, weight_map, allow_missing, fresh)
    for group in plan.groups:
        _assign(plan, group)
    return plan.report


def pending_values(
    reader: Reader,
    variables: Mapping[str, Assignable],
    weight_map: WeightMap,
    *,
    allow_missing: Iterable[str] = (),
) -> tuple[dict[str, PendingTensor], LoadReport]:
    """Returns what `load` would assign, without reading it: path -> tensor that reads itself.

    The tensors keep the dtypes of the file. They can be read while the reader is open.

    Args:
        reader: the open file.
        variables: path -> variable, of which shape and dtype are asked alone.
        weight_map: the table for this file's layout.
        allow_missing: templates of paths that may have no value in the file.

    Raises:
        WeightsError: as `load`.
        ReaderError: the file is damaged.
    """
    plan = _checked_plan(reader, variables, weight_map, allow_missing, ())
    found: dict[str, PendingTensor] = {}
    for group in plan.groups:
        for index, path in enumerate(group.row.paths(group.binding)):
            if path is not None:
                found[path] = _pending(plan, group, index, tuple(variables[path].shape))
                plan.report.assigned.append(path)
    return found, plan.report


def _pending(plan: _Plan, group: Group, index: int, shape: tuple[int, ...]) -> PendingTensor:
    keys = group.inputs[0]

    def release() -> None:
        for key in keys:
            plan.reader.release(key)

    dtype = numpy_dtype(plan.reader.info(keys[0]).dtype)
    return PendingTensor(shape, dtype, lambda: _read(plan, group, keys)[index], release)


def _checked_plan(
    reader: Reader,
    variables: Mapping[str, Assignable],
    weight_map: WeightMap,
    allow_missing: Iterable[str],
    fresh: Iterable[str],
) -> _Plan:
    """Compares names, shapes, dtypes and whatever must be equal or zero; changes nothing."""
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
    return plan


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
