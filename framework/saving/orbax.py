"""Checkpoints of Orbax: a folder with numbered steps, each a model's state and its config.

Definition: keras/src/callbacks/orbax_checkpoint.py and keras/src/saving/orbax_util.py. A step holds
`pytree` (the state tree), and unless the weights alone were saved `model_config` and `assets`.
The arrays are read and written by the library `orbax-checkpoint`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from .archive import MAX_CONFIG_BYTES, config_and_metadata, parsed
from .assets import FOLDER, read_assets, written_assets
from .errors import FileError, MismatchError
from .model_config import Budget, built_from, compiled_as, initialize_rest

TREE, CONFIG, ASSETS = "pytree", "model_config", "assets"
WEIGHTS = ("trainable_variables", "non_trainable_variables")
_ADVICE = "Build the model as the one that was saved."


def library() -> Any:
    """Returns Orbax's module of checkpoints. ImportError that says what to install."""
    try:
        from orbax.checkpoint import v1
    except ImportError as error:
        raise ImportError(
            "Checkpoints of Orbax need the package orbax-checkpoint: pip install 'isozoo[orbax]'."
        ) from error
    return v1


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Returns whether a folder is a checkpoint of Orbax, or holds some by their numbers."""
    return _is_step(Path(path)) or bool(_steps(Path(path)))


def payload(model: Any, weights_only: bool, tensors: bool = False) -> dict[str, Any]:
    """Returns what a checkpoint of a model holds, by name.

    Args:
        model: a built model.
        weights_only: whether the optimizer, the metrics, the config and assets are left out.
        tensors: whether values stay native tensors, which Orbax takes apart over processes.
    """
    tree = model.get_state_tree("backend_tensor" if tensors else "numpy_array")
    if weights_only:
        return {TREE: {kind: tree[kind] for kind in WEIGHTS}}
    found = {TREE: tree, CONFIG: {"config": config_and_metadata(model)[0].decode()}}
    with written_assets(model) as assets:
        held: dict[str, Any] = {}
        for name, file in assets:
            *folders, last = name.split("/")[1:]
            at = held
            for folder in folders:
                at = at.setdefault(folder, {})
            at[last] = np.frombuffer(Path(file).read_bytes(), np.uint8)
    return {**found, ASSETS: held} if held else found


def read_model(path: str | os.PathLike[str], custom_objects: Any, compile: bool) -> Any:
    """Returns the model of a checkpoint, of the newest one in a folder of several.

    Raises:
        FileError: there is none, or it has no config or is damaged.
        MismatchError: its values do not fit its config.
        TypeError: the config names what is not known here.
    """
    with _opened(path) as step:
        if CONFIG not in step.names:
            raise FileError(
                step.path,
                "it holds weights alone, and no config of a model",
                advice="Make the model in code, and read it by `model.load_weights(folder)`.",
            )
        text = step.load(CONFIG)[CONFIG]["config"]
        if not isinstance(text, str) or len(text) > MAX_CONFIG_BYTES:
            raise FileError(step.path, "its config is no text, or too long", CONFIG)
        config = parsed(text.encode(), step.path)
        held = sum(math.prod(_shape(x)) for _, x in _leaves(step.described))
        model = built_from(config, custom_objects, Budget(step.path, held))
        tree = _assign(model, step)
        if ASSETS in step.names:
            read_assets(model, _Assets(step.load(ASSETS)[ASSETS]))
    initialize_rest(model)
    if compile and compiled_as(model, config.get("compile_config"), custom_objects):
        _assign_rest(model, tree)
    return model


def read_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Puts the weights of a checkpoint, the newest of several, into a model: all, or none.

    Raises:
        FileError: there is none, or it is damaged.
        MismatchError: weights that are missing, left over or of another shape.
    """
    with _opened(path) as step:
        _assign(model, step)


class _Step:
    """One checkpoint, open for reading."""

    def __init__(self, path: Path) -> None:
        self._ocp, self.path = library(), path
        self.names = {item.name for item in path.iterdir() if item.is_dir()}
        if TREE not in self.names:
            raise FileError(path, f"it has no {TREE!r}, so it is no checkpoint of a model")

    def __enter__(self) -> _Step:
        try:
            found = self._ocp.checkpointables_metadata(self.path).metadata
        except Exception as error:
            raise FileError(self.path, f"Orbax cannot read it: {error}") from error
        self.described: Any = found.get(TREE)
        if self.described is None:
            raise FileError(self.path, "Orbax cannot read it: nothing says what it holds", TREE)
        return self

    def __exit__(self, *rest: Any) -> None:
        return None

    def tree(self, variables: Mapping[tuple[str, ...], Any]) -> Any:
        """Returns the state tree: NumPy's arrays, wherever it was saved.

        Args:
            variables: path in the tree -> variable that it is for: under a distribution its value
                lies as the variable does, and each process reads its parts.
        """
        distribution = config.distribution()

        def wanted(path: tuple[str, ...], x: Any) -> Any:
            if isinstance(x, Mapping):
                return {name: wanted((*path, str(name)), value) for name, value in x.items()}
            if not hasattr(x, "dtype"):
                return x
            variable = variables.get(path)
            if distribution is not None and variable is not None:
                spec = distribution.spec_of(variable, x.dtype)
                if spec is not None:
                    return spec
            return np.broadcast_to(np.zeros((), x.dtype), _shape(x))  # of no size in memory

        return self.load(TREE, like=wanted((), self.described))[TREE]

    def load(self, *names: str, like: Any = None) -> dict[str, Any]:
        """Returns what stands under names."""
        try:
            return self._ocp.load_checkpointables(self.path, dict.fromkeys(names, like))
        except Exception as error:
            raise FileError(self.path, f"Orbax cannot read it: {error}", names[0]) from error


class _Assets:
    """Files as nested dicts of bytes, seen as an archive."""

    def __init__(self, held: Any) -> None:
        self._held = {f"{FOLDER}/{'/'.join(path)}": x for path, x in _leaves(held)}

    @property
    def found(self) -> Mapping[str, Any]:
        """What there is, by name."""
        return self._held

    def read(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a file."""
        return np.asarray(self._held[name], np.uint8).tobytes()


def _opened(path: str | os.PathLike[str]) -> _Step:
    folder = Path(path)
    if _is_step(folder):
        return _Step(folder)
    steps = _steps(folder)
    if not steps:
        raise FileError(folder, "there is no checkpoint of Orbax in it")
    return _Step(folder / str(max(steps)))


def _is_step(folder: Path) -> bool:
    return folder.joinpath("_CHECKPOINT_METADATA").is_file() and folder.joinpath(TREE).is_dir()


def _steps(folder: Path) -> list[int]:
    names = [x.name for x in folder.iterdir()] if folder.is_dir() else []
    return [int(n) for n in names if n.isascii() and n.isdigit() and _is_step(folder / n)]


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _leaves(value, (*path, str(name)))
    elif tree is not None:
        yield path, tree


def _shape(x: Any) -> tuple[int, ...]:
    """The shape of a variable, of an array, or of what describes one; Keras keeps bare numbers."""
    return tuple(getattr(x, "shape", ()))


def _assign(model: Any, step: _Step) -> Any:
    """Put the weights into a model; returns the whole state tree of the checkpoint."""
    wanted = {tuple(path.split(".")): variable for path, variable in model.named_variables()}
    held = {p[1:]: x for p, x in _leaves(step.described) if p[0] in WEIGHTS}
    first = {p[0] for p in held if not _is_seed(p)}
    # The name of the model that was saved, which may be called otherwise here.
    outer = first if len(first) == 1 and not first & {p[0] for p in wanted} else set()

    def plain(path: tuple[str, ...]) -> tuple[str, ...]:
        return path[1:] if path[0] in outer else path

    held = {plain(p): x for p, x in held.items()}
    both = held.keys() & wanted.keys()

    def line(path: tuple[str, ...]) -> str:
        here, there = (_shape(x[path]) if path in x else None for x in (held, wanted))
        return f"{'/'.join(path)}: {here} in the file, {there} in the model"

    def lines(paths: Iterable[tuple[str, ...]]) -> list[str]:
        return [line(p) for p in sorted(paths) if not _is_seed(p)]

    problems = {
        "Missing in the file": lines(wanted.keys() - both),
        "Left over in the file": lines(held.keys() - both),
        "Of another shape": lines(p for p in both if _shape(held[p]) != _shape(wanted[p])),
    }
    if any(problems.values()):
        raise MismatchError(step.path, problems, _ADVICE)
    found = ((p, wanted.get(plain(p[1:]))) for p, _ in _leaves(step.described) if p[0] in WEIGHTS)
    variables = {path: variable for path, variable in found if variable is not None}
    tree = step.tree(variables)
    for path, value in _leaves(tree):
        if path in variables:
            variables[path].assign(value)
    return tree


def _is_seed(path: tuple[str, ...]) -> bool:
    """Whether a path is that of draws, which Keras keeps without saying whose they are."""
    return any(name.startswith("seed_generator") for name in path)


def _assign_rest(model: Any, tree: Any) -> None:
    """Put what training keeps beside the weights into a model, as far as it has it by now."""
    wanted = dict(_leaves(model.get_state_tree("variable")))
    for path, value in _leaves(tree):
        variable = None if path[0] in WEIGHTS else wanted.get(path)
        if variable is not None and tuple(variable.shape) == np.shape(value):
            variable.assign(np.asarray(value))
