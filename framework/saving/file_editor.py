"""Looking into a file of weights, and changing what stands where in it."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from .archive import CONFIG, MAX_CONFIG_BYTES, METADATA, archive_members, open_weights
from .errors import FileError
from .h5_store import as_numpy, h5_for_writing, put_array
from .hdf5 import Group, H5File
from .weights import write_weights

_VARS = "vars"


class KerasFileEditor:
    """Compares, renames, adds and deletes weights of a `.weights.h5` or `.keras` file.

    Objects are found by their path in the file, "layers/dense_2", or by the last name of it where
    only one object has that name. `weights_dict` holds everything as nested dicts; the arrays of an
    object are in its "vars", as "0", "1" and so on.

    Args:
        filepath: the file, which stays as it is: `save` writes another one.

    Raises:
        ValueError: another ending; FileError for a damaged or hostile file.
    """

    def __init__(self, filepath: str | os.PathLike[str]) -> None:
        self.filepath = os.fspath(filepath)
        self.config: Any = None
        self.metadata: Any = None
        self.model: Any = None
        if self.filepath.endswith(".keras"):
            with archive_members(self.filepath) as members:
                texts = {}
                for name in (CONFIG, METADATA):
                    if name in members.found:
                        texts[name] = json.loads(members.read(name, MAX_CONFIG_BYTES))
                self.config, self.metadata = texts.get(CONFIG), texts.get(METADATA)
                with open_weights(members, self.filepath) as file:
                    self.weights_dict = _read(file, file.root, "")
        elif self.filepath.endswith(".weights.h5"):
            with H5File(self.filepath) as file:
                self.weights_dict = _read(file, file.root, "")
        else:
            raise ValueError(
                "Invalid filename: expected a `.keras` or `.weights.h5` extension. Received: "
                f"filepath={self.filepath}"
            )

    # Looking ----------------------------------------------------------------------------------

    def summary(self) -> None:
        """Prints the objects and the shapes of their arrays."""
        for path, value in _arrays(self.weights_dict, ""):
            print(f"{path}: shape {tuple(value.shape)}, {value.dtype.name}")

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Compares the file with the weights that a model would be saved with, and prints that.

        Args:
            reference_model: a built model.

        Returns:
            "status" ("success" or "error"), "error_count", and "match_count".
        """
        import io

        made = io.BytesIO()
        write_weights(reference_model, made)
        with H5File(made, "the model") as file:
            wanted = dict(_arrays(_read(file, file.root, ""), ""))
        held = dict(_arrays(self.weights_dict, ""))
        wrong = 0
        for path in sorted(_objects(wanted) | _objects(held)):
            inside = {p for p in wanted if _object(p) == path}
            there = {p for p in held if _object(p) == path}
            if not there or not inside:
                wrong += 1
                print(f"{path}: only in {'the model' if inside else 'the file'}")
                continue
            for name in sorted(inside ^ there):
                wrong += 1
                print(f"{name}: only in {'the model' if name in inside else 'the file'}")
            for name in sorted(inside & there):
                if wanted[name].shape != held[name].shape:
                    wrong += 1
                    print(f"{name}: {held[name].shape} in the file, {wanted[name].shape} expected")
        print(f"{wrong} differences" if wrong else "Comparison successful: all weights match.")
        matches = sum(1 for p in wanted if p in held and wanted[p].shape == held[p].shape)
        status = "error" if wrong else "success"
        return {"status": status, "error_count": wrong, "match_count": matches}

    # Changing ---------------------------------------------------------------------------------

    def rename_object(
        self, object_name: str, new_name: str, source_name: str | None = None
    ) -> None:
        """Gives an object another last name.

        Args:
            object_name: path or name of the object.
            new_name: its name from now on, without "/".
            source_name: what the path of its owner must contain, where several have the name.

        Raises:
            ValueError: no such object, several, or the new name is taken.
        """
        owner, name = self._find(object_name, source_name)
        if new_name in owner or "/" in new_name:
            raise ValueError(f"{new_name!r} is taken, or is no name: choose one without '/'.")
        items = [(new_name if key == name else key, value) for key, value in owner.items()]
        owner.clear()
        owner.update(items)

    def delete_object(self, object_name: str, source_name: str | None = None) -> None:
        """Removes an object and what is below it. Raises as `rename_object` does."""
        owner, name = self._find(object_name, source_name)
        del owner[name]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Adds an object with arrays.

        Args:
            object_path: its whole path; the objects before the last name must be there.
            weights: arrays by their names, "0", "1" and so on.

        Raises:
            ValueError: no such path, or it is taken.
        """
        *above, name = object_path.split("/")
        owner = self.weights_dict
        for part in above:
            if not isinstance(owner.get(part), dict):
                raise ValueError(f"There is no {part!r} in the file, of the path {object_path!r}.")
            owner = owner[part]
        if name in owner:
            raise ValueError(f"There is an object {object_path!r} already.")
        owner[name] = {_VARS: {key: as_numpy(value) for key, value in weights.items()}}

    def add_weights(
        self, object_name: str, weights: dict[str, Any], source_name: str | None = None
    ) -> None:
        """Adds arrays to an object. Raises as `rename_object` does."""
        owner, name = self._find(object_name, source_name)
        held = owner[name].setdefault(_VARS, {})
        held.update({key: as_numpy(value) for key, value in weights.items()})

    def delete_weight(
        self, object_name: str, weight_name: str, source_name: str | None = None
    ) -> None:
        """Removes an array of an object. ValueError if there is none of the name."""
        owner, name = self._find(object_name, source_name)
        held = owner[name].get(_VARS, {})
        if weight_name not in held:
            raise ValueError(f"{object_name!r} has no weight {weight_name!r}: {sorted(held)}.")
        del held[weight_name]

    def resave(self, filepath: str | os.PathLike[str]) -> None:
        """The same as `save`."""
        self.save(filepath)

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the weights as they are now, whole or not at all.

        Args:
            filepath: "….weights.h5".

        Raises:
            ValueError: another ending.
            OSError: the file cannot be written.
        """
        from ..files import atomic_path

        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise ValueError(
                f"Invalid `filepath` argument: expected a `.weights.h5` extension. Received: {path}"
            )
        with atomic_path(path) as temporary, h5_for_writing(temporary) as (file, _):
            for name, value in _arrays(self.weights_dict, ""):
                group, _, key = name.rpartition("/")
                put_array(file.require_group(group), key, value)

    def _find(self, object_name: str, source_name: str | None) -> tuple[dict[str, Any], str]:
        """The dict that has an object, and its name there."""
        found: list[tuple[str, dict[str, Any], str]] = []

        def visit(owner: dict[str, Any], path: str) -> None:
            for name, value in owner.items():
                if name != _VARS and isinstance(value, dict):
                    inner = f"{path}/{name}" if path else name
                    if object_name in (inner, name) and (source_name or "") in path:
                        found.append((inner, owner, name))
                    visit(value, inner)

        visit(self.weights_dict, "")
        exact = [entry for entry in found if entry[0] == object_name] or found
        if len(exact) != 1:
            there = [path for path, *_ in exact]
            problem = f"names several objects: {there}" if there else "is not in the file"
            raise ValueError(f"{object_name!r} {problem}. Give the whole path; see `summary()`.")
        return exact[0][1], exact[0][2]


def _read(file: H5File, group: Group, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in group.groups.items():
        found[name] = _read(file, inner, f"{path}{name}/")
    for name, info in group.arrays.items():
        if info.size > 20 * info.stored + MAX_CONFIG_BYTES:
            raise FileError(file.path, "it is a potential decompression/shape bomb", path + name)
        found[name] = file.read(path + name)
    return found


def _arrays(held: dict[str, Any], path: str) -> list[tuple[str, np.ndarray]]:
    found: list[tuple[str, np.ndarray]] = []
    for name, value in held.items():
        inner = f"{path}/{name}" if path else name
        found += _arrays(value, inner) if isinstance(value, dict) else [(inner, value)]
    return found


def _object(path: str) -> str:
    return path.rpartition(f"/{_VARS}/")[0]


def _objects(arrays: dict[str, np.ndarray]) -> set[str]:
    return {_object(path) for path in arrays}
