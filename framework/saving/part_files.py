"""Arrays in parts: a safetensors file for each device, and an index that names them.

Definition: the files are those of torch's `HuggingFaceStorageWriter(save_distributed=True)`
(torch/distributed/checkpoint/hf_storage.py): a part stands under the name of its array, and where
it begins in the whole is said by `DCP_SHARDING_INFO` in the file's header. So
`HuggingFaceStorageReader` opens the folder of the files, too. The index, which is JSON, has for
each array its shape, its dtype, and its parts as [file, starts, sizes].
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from .. import dtypes
from ..files import atomic_path, write_atomically
from .errors import FileError
from .index_files import read_index
from .torch_folder import INFO, OFFSETS, arrays_in

ENDING = ".shards.json"
FORMAT = "isozoo shards 1"
MAX_INDEX_BYTES = 256 << 20
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}\.safetensors")
# safetensors reads none of these as an array of NumPy: they stand as their bits.
_BITS = {"float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}


# Writing ----------------------------------------------------------------------------------------


def write_parts(
    path: str | os.PathLike[str],
    held: Mapping[str, tuple[Any, Any]],
    backend: Any,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Writes arrays to a file for each device that has parts of them, and then the index.

    All processes call it; each writes the files of its own devices. A part that several devices
    hold is written once. The files lie in a new folder beside the index, which is replaced when all
    of them are on the disk: whenever a process dies, the index names whole files, the new ones or
    those before. Then the folder before is removed.

    Args:
        path: the index, "….shards.json".
        held: name -> (backend, native tensor); or (None, NumPy array that all processes have).
        backend: that by which the processes meet.
        notes: plain values, which are kept in the index.

    Raises:
        OSError: a file cannot be written, by any of the processes.
    """
    path = Path(path)
    number = backend.process_place()[1]
    token = backend.exchanged(secrets.token_hex(4) if number == 0 else "")[0]
    stem = path.name.removesuffix(ENDING)
    folder = path.with_name(f"{stem}.{token}.shards")
    plan, described, owned = _plan(held, number == 0)
    names = {device: f"shard-{i:05}-of-{len(plan):05}.safetensors" for i, device in enumerate(plan)}
    problem, error = "", None
    try:
        folder.mkdir(exist_ok=True)
        for device in owned:
            _write_file(folder / names[device], plan[device])
    except Exception as found:  # whatever it is: the others wait for this process
        problem, error = f"{type(found).__name__}: {found}"[:900], found
    told = backend.exchanged(problem)
    if any(told):
        if number == 0:
            shutil.rmtree(folder, ignore_errors=True)
        if error is not None:
            raise error
        who = next(i for i, text in enumerate(told) if text)
        raise OSError(
            f"{path} was not written; process {who} could not write its part: {told[who]}"
        )
    if number == 0:
        for entry in described.values():
            entry["parts"] = [[names[d], starts, sizes] for d, starts, sizes in entry["parts"]]
        index = {
            "format": FORMAT,
            "folder": folder.name,
            "files": list(names.values()),
            "arrays": described,
            "notes": dict(notes or {}),
        }
        try:
            write_atomically(path, json.dumps(index).encode())
        except OSError as found:
            problem, error = f"{type(found).__name__}: {found}"[:900], found
            shutil.rmtree(folder, ignore_errors=True)
        else:
            for other in _folders(path):
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
    told = backend.exchanged(problem)  # none goes on before the index is there
    if error is not None:
        raise error
    if told[0]:
        raise OSError(f"{path} was not written; process 0 could not write it: {told[0]}")


def remove_parts(path: str | os.PathLike[str]) -> None:
    """Removes an index and the files that belong to it; what is not there is no error."""
    Path(path).unlink(missing_ok=True)
    for folder in _folders(Path(path)):
        shutil.rmtree(folder, ignore_errors=True)


def _folders(path: Path) -> list[Path]:
    """The folders of files that were written for an index, whole ones and others."""
    form = re.compile(re.escape(path.name.removesuffix(ENDING)) + r"\.[0-9a-f]{8}\.shards")
    with suppress(OSError):
        return [x for x in path.parent.iterdir() if form.fullmatch(x.name) and x.is_dir()]
    return []


def _plan(
    held: Mapping[str, tuple[Any, Any]], is_first: bool
) -> tuple[dict[int, Any], dict[str, Any], list[int]]:
    """Who writes what: (device -> rows (name, starts, reading or None), index, own devices).

    The plan is the same in every process. Of the devices that hold a part, that one writes it which
    has the fewest bytes so far.
    """
    plan: dict[int, list[tuple[str, tuple[int, ...], Callable[[], Any] | None]]] = {}
    described, owned, load = {}, set(), {}
    for name, (backend, x) in sorted(held.items()):
        if backend is None:
            x = np.asarray(x)
            reads = {0: lambda x=x: x} if is_first else {}
            parts = [((0,) * x.ndim, x.shape, (0,), reads)]
            dtype = x.dtype.name
        else:
            parts, dtype = backend.parts_of(x), backend.dtype(x)
        places = []
        for starts, sizes, devices, reads in parts:
            device = min(devices, key=lambda d: (load.get(d, 0), d))
            load[device] = load.get(device, 0) + math.prod(sizes) * _item_size(dtype)
            plan.setdefault(device, []).append((name, starts, reads.get(device)))
            if device in reads:
                owned.add(device)
            places.append([device, list(starts), list(sizes)])
        described[name] = {"shape": list(x.shape), "dtype": dtype, "parts": places}
    return dict(sorted(plan.items())), described, sorted(owned)


def _item_size(dtype: str) -> int:
    return np.dtype(getattr(ml_dtypes, dtype, dtype)).itemsize


def _write_file(path: Path, rows: list[tuple[str, tuple[int, ...], Any]]) -> None:
    from safetensors.numpy import save_file

    arrays, places = {}, {}
    for name, starts, read in rows:
        array = np.asarray(read())
        array = np.ascontiguousarray(array).reshape(array.shape)
        if array.dtype.name in _BITS:
            array = array.view(_BITS[array.dtype.name])
        arrays[name], places[name] = array, {OFFSETS: list(starts)}
    metadata = {"format": "pt", "DCP_VERSION": "1.0", INFO: json.dumps(places)}
    with atomic_path(path) as temporary:
        save_file(arrays, os.fspath(temporary), metadata)


# Reading ----------------------------------------------------------------------------------------


class PartsFile:
    """The arrays that an index names, of which slices are read on demand.

    Args:
        path: the index; or a folder of safetensors files that torch's distributed checkpoint wrote,
            or `write_parts`.

    Attributes:
        found: name -> shape.
        notes: what was kept beside the arrays.

    Raises:
        FileError: it is malformed, names files elsewhere, or its parts do not make up the arrays;
            or a file is missing or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            self._folder, arrays, self.notes = self.path, arrays_in(self.path), {}
        else:
            index = self._index()
            self._folder = self.path.with_name(index["folder"])
            arrays, self.notes = index["arrays"], index["notes"]
        self._arrays = {name: self._entry(name, x) for name, x in arrays.items()}
        self.found: dict[str, tuple[int, ...]] = {n: x[0] for n, x in self._arrays.items()}
        self._opened: dict[str, Any] = {}
        self._stack = ExitStack()

    def _index(self) -> dict[str, Any]:
        index = read_index(self.path, MAX_INDEX_BYTES)
        found = index.get("format") if isinstance(index, dict) else None
        if found != FORMAT:
            raise FileError(self.path, f"its format is {found!r}, and {FORMAT!r} is expected")
        kinds = {"folder": str, "arrays": dict, "notes": dict}
        for key, kind in kinds.items():
            if not isinstance(index.get(key), kind):
                raise FileError(self.path, f"it should be a {kind.__name__}", key)
        if not _FOLDER.fullmatch(index["folder"]):
            raise FileError(self.path, f"{index['folder'][:80]!r} is no folder beside it", "folder")
        return index

    def _entry(self, name: str, entry: Any) -> tuple[tuple[int, ...], Any, list[Any]]:
        """(shape, dtype, parts) of an array, checked."""
        kind = entry.get("dtype") if isinstance(entry, dict) else None
        if kind is not None and kind not in (*dtypes.ALL, *dtypes.STORED):
            raise FileError(self.path, f"dtype {str(kind)[:80]!r} is not known", name)
        try:
            shape = tuple(entry["shape"])
            dtype = np.dtype(getattr(ml_dtypes, entry["dtype"], entry["dtype"]))
            parts = [(f, tuple(starts), tuple(sizes)) for f, starts, sizes in entry["parts"]]
            numbers = [*shape, *(n for _, a, b in parts for n in (*a, *b))]
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise FileError(
                self.path, f"it is no description of an array: {error}", name
            ) from error
        sound = (
            len(shape) <= 32
            and all(type(n) is int and 0 <= n < 1 << 48 for n in numbers)
            and all(isinstance(f, str) and _FILE.fullmatch(f) for f, _, _ in parts)
            and all(len(a) == len(b) == len(shape) for _, a, b in parts)
        )
        if not sound or not _is_grid(shape, [(a, b) for _, a, b in parts]):
            raise FileError(self.path, f"its parts do not make up an array of shape {shape}", name)
        return shape, dtype, parts

    def array(self, name: str) -> PartedArray:
        """Returns an array, of which nothing is read yet."""
        return PartedArray(self, name, *self._arrays[name])

    def read(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a file of a layer. FileError if they are more than `limit`."""
        if self.found[name] > (limit,):
            raise FileError(self.path, f"it has more than {limit} bytes", name)
        return np.asarray(self.array(name)).astype(np.uint8).tobytes()

    def read_part(self, file: str, name: str, sizes: tuple[int, ...], at: Any) -> np.ndarray:
        """Returns a slice of the part of an array that stands in a file."""
        part = self._open(file).get_slice(name) if name in self._keys(file) else None
        if part is None or tuple(part.get_shape()) != sizes:
            raise FileError(
                self._folder / file, f"it has no part of shape {sizes} of the array", name
            )
        return part[at]

    def _keys(self, file: str) -> set[str]:
        self._open(file)
        return self._opened[file][1]

    def _open(self, file: str) -> Any:
        from safetensors import SafetensorError, safe_open

        if file not in self._opened:
            place = self._folder / file
            try:
                opened = self._stack.enter_context(safe_open(os.fspath(place), "np"))
            except FileNotFoundError as error:
                raise FileError(
                    self.path,
                    f"the file {self._folder.name}/{file} is missing",
                    advice="The index and its folder belong together: copy both.",
                ) from error
            except SafetensorError as error:
                raise FileError(place, f"it is not a whole safetensors file: {error}") from error
            self._opened[file] = opened, set(opened.keys())
        return self._opened[file][0]

    def __enter__(self) -> PartsFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.clear()
        self._stack.close()


class PartedArray:
    """An array whose slices are put together of parts in files when they are asked for."""

    def __init__(
        self, file: PartsFile, name: str, shape: tuple[int, ...], dtype: np.dtype, parts: list[Any]
    ) -> None:
        self.file, self.name, self.shape, self.dtype = file, name, shape, dtype
        self._parts = parts

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __getitem__(self, slices: Any) -> np.ndarray:
        """Returns what slices of step 1 give; only parts that they meet are read."""
        given = list(slices) if isinstance(slices, tuple) else [slices]
        given += [slice(None)] * (self.ndim - len(given))
        bounds = [s.indices(n)[:2] for s, n in zip(given, self.shape, strict=True)]
        pieces = list(self._pieces(bounds))
        if len(pieces) == 1:
            return pieces[0][1]
        made = np.empty([max(0, b - a) for a, b in bounds], self.dtype)
        for into, piece in pieces:
            made[into] = piece
        return made

    def _pieces(self, bounds: Any) -> Iterator[tuple[Any, np.ndarray]]:
        """Pairs (place in what is asked for, values) of the parts that meet bounds."""
        for file, starts, sizes in self._parts:
            meets = [
                (max(a, s), min(b, s + n))
                for (a, b), s, n in zip(bounds, starts, sizes, strict=True)
            ]
            if any(a >= b for a, b in meets):
                continue
            at = tuple(slice(a - s, b - s) for (a, b), s in zip(meets, starts, strict=True))
            into = tuple(
                slice(a - first, b - first)
                for (a, b), (first, _) in zip(meets, bounds, strict=True)
            )
            # The library has no empty tuple for a single number.
            found = self.file.read_part(file, self.name, sizes, at if at else ...)
            yield into, self._typed(found)

    def _typed(self, found: np.ndarray) -> np.ndarray:
        if _BITS.get(self.dtype.name) == found.dtype.name:
            return found.view(self.dtype)
        if found.dtype != self.dtype:
            raise FileError(
                self.file.path, f"a part is {found.dtype}, and {self.dtype} is expected", self.name
            )
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self[(slice(None),) * self.ndim]
        return whole if dtype is None else whole.astype(dtype)


def _is_grid(shape: tuple[int, ...], parts: list[tuple[Any, Any]]) -> bool:
    """Whether parts (starts, sizes) are all cells of a grid that fills a shape."""
    cells = set(parts)
    if len(cells) != len(parts):
        return False
    count = 1
    for axis, size in enumerate(shape):
        cuts = sorted({(a[axis], b[axis]) for a, b in cells})
        ends = [0, *(a + b for a, b in cuts)]
        if [a for a, _ in cuts] != ends[:-1] or ends[-1] != size:
            return False
        count *= len(cuts)
    return len(parts) == count
