"""The state of a model: what is written for each of its parts, and how it is put back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..core.own_variables import OwnVariables, unfit
from ..core.variable import Variable
from ..file_errors import listed
from .errors import FileError, MismatchError
from .hdf5 import Stored
from .layout import Part, parts_of_model

# What a layer's own method may read without its shape being compared first.
UNCHECKED_BYTES = 256 << 20
MISSING = "Missing in the file"
MISSHAPEN = "Of another shape (the shape of the variable and that of the value must match)"
LEFT_OVER = "Left over in the file"
FAILED = "Refused by the layer's own load_own_variables"
_ADVICE = "Build the model as the one that was saved, or load what fits with `skip_mismatch=True`."
OPTIMIZER = "optimizer"
# Groups that belong to training, and such as older versions of Keras wrote.
_NOT_WEIGHTS = (OPTIMIZER, "metrics", "loss", "_", "seed_generator")


class Source(Protocol):
    """A file of weights: arrays by the path of the part that has them."""

    path: Any

    def part(self, path: str) -> Mapping[str, Stored]:
        """Returns the arrays of the part at a path by their names; none if it is not there."""
        ...

    def read(self, path: str, key: str) -> np.ndarray:
        """Returns one array of the part at a path."""
        ...

    def parts(self) -> Iterator[str]:
        """Yields the paths of all parts that have arrays."""
        ...


class Target(Protocol):
    """What takes the states of parts."""

    def part(self, path: str, name: str | None) -> Any:
        """Returns the mapping that takes the state of a part."""
        ...


def write_state(model: Any, target: Target, skipped: Sequence[Any] = ()) -> list[Part]:
    """Writes the state of each part of a model; returns the parts.

    Args:
        model: whose state is written.
        target: where to.
        skipped: objects that are left out.
    """
    parts = parts_of_model(model, skipped)
    for part in parts:
        name = getattr(part.owner, "name", None)
        part.owner.save_own_variables(target.part(part.path, name))
    return parts


def read_state(
    model: Any,
    source: Source,
    skip_mismatch: bool = False,
    skipped: Sequence[Any] = (),
    strict: bool = True,
    only: Callable[[Part], bool] | None = None,
) -> None:
    """Puts the state in a file into a model: all of it, or nothing.

    Shapes are compared before any array is read.

    Args:
        model: whose variables are assigned.
        source: the file.
        skip_mismatch: whether what fits is assigned, with a warning about the rest.
        skipped: objects that are left as they are.
        strict: whether arrays of the file that no part takes are an error.
        only: which parts are read; all if None.

    Raises:
        MismatchError: arrays are missing, left over, or of another shape.
        FileError: the file is damaged.
    """
    parts = parts_of_model(model, skipped)
    loading = _Loading([p for p in parts if only is None or only(p)], source, bool(skipped))
    if not strict:
        loading.problems[LEFT_OVER] = []
    report(source.path, loading.problems, skip_mismatch)
    report(source.path, {FAILED: loading.assign(skip_mismatch)}, skip_mismatch)


def report(path: Any, problems: Mapping[str, Sequence[str]], skip_mismatch: bool) -> None:
    """Raises MismatchError if there are problems, or warns of them if they are to be skipped."""
    if not any(problems.values()):
        return
    if not skip_mismatch:
        raise MismatchError(path, problems, _ADVICE)
    text = f"{os.fspath(path)} does not fit the model in all; what fits is loaded.\n"
    warnings.warn(text + listed(problems), stacklevel=5)


class _Loading:
    """One file against one model: what fits, what does not."""

    def __init__(self, parts: list[Part], source: Source, is_part: bool) -> None:
        self.source = source
        self.problems: dict[str, list[str]] = {MISSING: [], MISSHAPEN: [], LEFT_OVER: []}
        self.plain: list[tuple[Variable, str, str]] = []
        self.custom: list[tuple[Any, str]] = []
        taken: set[str] = set()
        for part in parts:
            path = self._place(part)
            taken.add(path)
            if loads_plainly(part.owner):
                self._match(part.owner, path)
            else:
                self.custom.append((part.owner, path))
        for path in source.parts():
            if path not in taken and not is_part and not _is_of_training(path):
                keys = source.part(path)
                self.problems[LEFT_OVER] += [
                    f"{_key(path, key)}: shape {keys[key].shape}" for key in _sorted(keys)
                ]

    def _place(self, part: Part) -> str:
        """The path of a part in this file: the first that has arrays, else the usual one."""
        for path in part.all_paths():
            if self.source.part(path):
                if path != part.path and "/container" in part.path:
                    warnings.warn(
                        f"Skipping nested container at '{part.path.rpartition('/')[0]}': the file "
                        f"was saved by an older Keras, and has its weights at '{path}'.",
                        stacklevel=6,
                    )
                return path
        return part.path

    def _match(self, owner: Any, path: str) -> None:
        held = owner.own_variables()
        found = self.source.part(path)
        wanted = {str(number) for number in range(len(held))}
        if found.keys() != wanted:
            problem = unfit(owner, len(held), len(found)) or (
                f"Layer '{owner.name}' expected the keys {_sorted(wanted)}, the file has "
                f"{_sorted(found)}"
            )
            self.problems[MISSING if len(found) < len(held) else LEFT_OVER].append(
                f"{path or '(model)'}: {problem}"
            )
            return
        for number, variable in enumerate(held):
            info = found[str(number)]
            if info.shape != tuple(variable.shape):
                self.problems[MISSHAPEN].append(
                    f"{_key(path, str(number))} ({variable.path}): shape {info.shape} in the file, "
                    f"{tuple(variable.shape)} in the model"
                )
            else:
                self.plain.append((variable, path, str(number)))

    def assign(self, skip_mismatch: bool) -> list[str]:
        """Puts everything that fits in its place; returns what layers themselves refused.

        If a layer refuses, or the file cannot be read, all is put back unless mismatches are
        skipped.
        """
        ready: dict[int, np.ndarray] = {}
        for variable, path, key in self.plain:
            if self.source.part(path)[key].filtered:  # unpacking may fail, so it comes first
                ready[id(variable)] = self.source.read(path, key)
        before: list[tuple[Variable, np.ndarray | None]] = []
        failed: list[str] = []
        try:
            for owner, path in self.custom:
                before += [(v, v.numpy() if v.initialized else None) for v in _variables(owner)]
                try:
                    owner.load_own_variables(PartView(self.source, path))
                except FileError:
                    raise
                except Exception as error:
                    name = getattr(owner, "name", type(owner).__name__)
                    failed.append(f"{path or '(model)'} ({name}): {error}")
            if failed and not skip_mismatch:
                _put_back(before)
                return failed
            for variable, path, key in self.plain:
                array = ready.pop(id(variable), None)
                variable.assign(self.source.read(path, key) if array is None else array)
        except BaseException:
            _put_back(before)
            raise
        return failed


def loads_plainly(owner: Any) -> bool:
    """Returns whether the state of an object, or of a class's objects, is its own variables."""
    own = OwnVariables.load_own_variables
    found = getattr(owner, "load_own_variables", None)
    return getattr(found, "__func__", found) is own


def _variables(owner: Any) -> list[Variable]:
    found = getattr(owner, "variables", ())
    return [v for v in found if isinstance(v, Variable)]


def _put_back(before: list[tuple[Variable, np.ndarray | None]]) -> None:
    for variable, value in before:
        if value is not None:
            variable.assign(value)


def _is_of_training(path: str) -> bool:
    names = path.split("/")
    return names[0].startswith(_NOT_WEIGHTS) or bool({OPTIMIZER, "seed_generator"} & set(names))


def is_of_optimizer(part: Part) -> bool:
    """Returns whether a part is the model's optimizer, or belongs to it."""
    return part.path.split("/")[0] == OPTIMIZER


def _key(path: str, key: str) -> str:
    return f"{path}/vars/{key}" if path else f"vars/{key}"


def _sorted(keys: Any) -> list[str]:
    return sorted(keys, key=lambda key: (len(key), key))


class PartView(Mapping[str, np.ndarray]):
    """The arrays of one part of a file, each read when it is asked for."""

    def __init__(self, source: Source, path: str) -> None:
        self._source, self._path = source, path
        self._held = source.part(path)

    def __getitem__(self, key: str) -> np.ndarray:
        info = self._held[key]
        if info.size > UNCHECKED_BYTES and info.size > 20 * info.stored:
            raise FileError(
                self._source.path,
                f"it declares {info.size} bytes but only {info.stored} are stored on disk; "
                "refusing to load a potential decompression/shape bomb",
                _key(self._path, key),
            )
        return self._source.read(self._path, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def info(self, key: str) -> Stored:
        """Returns the shape and dtype of an array, without reading it."""
        return self._held[key]
