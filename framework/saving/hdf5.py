"""Reading HDF5 files of which nothing is trusted.

The whole file is looked through when it is opened, before any value is read: its links, the types,
shapes and filters of its datasets. What weights files have no need of is refused: soft and external
links, groups that are reached twice, external storage, virtual datasets, references, strings and
objects as data, and filters beyond gzip, shuffle and checksums (others would load a plug-in).
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .errors import FileError

MAX_OBJECTS = 1_000_000
MAX_DEPTH = 64
MAX_RANK = 32
MAX_ATTRIBUTE_BYTES = 64 << 20
# gzip packs at most 1032 bytes into one.
MAX_EXPANSION = 1100
ALWAYS_FINE = 1 << 20
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Stored:
    """One array in a file: its shape, its dtype, its bytes unpacked, and those that it takes."""

    shape: tuple[int, ...]
    dtype: str
    size: int
    stored: int
    filtered: bool


@dataclass
class Group:
    """A group: its arrays and its groups by name."""

    groups: dict[str, Group] = field(default_factory=dict)
    arrays: dict[str, Stored] = field(default_factory=dict)


class H5File:
    """An HDF5 file, checked when it is opened. Use it as a context manager.

    Args:
        source: a path, or a seekable binary file.
        name: what errors call it, where `source` is not a path.

    Raises:
        FileError: it is not an HDF5 file, or holds what weights files have no need of.
        ImportError: h5py is not installed.
    """

    def __init__(self, source: str | os.PathLike[str] | BinaryIO, name: str = "") -> None:
        h5py = module()
        is_path = isinstance(source, str | os.PathLike)
        self.path = Path(os.fspath(source)) if is_path else Path(name or "weights.h5")
        self._file: Any = None
        try:
            if is_path:
                with open(source, "rb") as file:
                    self._check_signature(file)
                self._file = h5py.File(source, "r", locking=False)
            else:
                self._check_signature(source)
                self._file = h5py.File(source, "r")
            self.root = self._look_through()
        except (FileNotFoundError, FileError):
            self.close()
            raise
        # ValueError: numbers of a form that NumPy has none for.
        except (
            OSError,
            RuntimeError,
            KeyError,
            ValueError,
            TypeError,
            OverflowError,
            MemoryError,
        ) as error:
            self.close()
            raise FileError(self.path, f"it is not a whole HDF5 file: {error}") from error
        except BaseException:
            self.close()
            raise

    def _check_signature(self, file: BinaryIO) -> None:
        file.seek(0)
        head = file.read(8)
        file.seek(0)
        if head != _SIGNATURE:
            raise FileError(self.path, f"it begins with {head!r}, so it is not an HDF5 file")

    # What is in it ----------------------------------------------------------------------------

    def _look_through(self) -> Group:
        h5py = module()
        root = Group()
        seen: set[Any] = set()
        stack: list[tuple[str, Any, Group]] = [("", self._file["/"].id, root)]
        count = 0
        while stack:
            path, group, found = stack.pop()
            address = _address(group)
            if address in seen:
                raise self._fail("a group that is reached twice: links may go in a circle", path)
            seen.add(address)
            if path.count("/") > MAX_DEPTH:
                raise self._fail(f"groups are nested deeper than {MAX_DEPTH}", path[:80])
            for raw in _names(group):
                count += 1
                if count > MAX_OBJECTS:
                    raise self._fail(f"there are more than {MAX_OBJECTS} objects")
                name = self._decoded(raw, path)
                inner = f"{path}/{name}"
                kind = group.links.get_info(raw).type
                if kind != h5py.h5l.TYPE_HARD:
                    raise self._fail(f"Not allowed: H5 file with {_link_kind(kind)}", inner)
                item = h5py.h5o.open(group, raw)
                if isinstance(item, h5py.h5g.GroupID):
                    made = found.groups[name] = Group()
                    stack.append((inner, item, made))
                elif isinstance(item, h5py.h5d.DatasetID):
                    found.arrays[name] = self._checked(item, inner)
                else:
                    raise self._fail("it is neither a group nor a dataset", inner)
        return root

    def _decoded(self, raw: bytes, path: str) -> str:
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._fail(f"a name is not UTF-8: {raw[:40]!r}", path) from error
        if name in ("", ".", "..") or any(ord(c) < 32 for c in name):
            raise self._fail(f"the name {name[:40]!r} is not allowed", path)
        return name

    def _checked(self, dataset: Any, path: str) -> Stored:
        h5py = module()
        plan = dataset.get_create_plist()
        if plan.get_external_count():
            raise self._fail("Not allowed: H5 file with external Dataset", path)
        layout = plan.get_layout()
        if layout == h5py.h5d.VIRTUAL:
            raise self._fail("Not allowed: H5 file with virtual Dataset", path)
        for number in range(plan.get_nfilters()):
            code = plan.get_filter(number)[0]
            if code not in (
                h5py.h5z.FILTER_DEFLATE,
                h5py.h5z.FILTER_SHUFFLE,
                h5py.h5z.FILTER_FLETCHER32,
            ):
                raise self._fail(f"Not allowed: H5 dataset with filter {code}", path)
        dtype = self._dtype(dataset, path)
        if dataset.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            raise self._fail("it is a dataset without a shape", path)
        shape = tuple(int(n) for n in dataset.shape)
        if len(shape) > MAX_RANK:
            raise self._fail(f"it has {len(shape)} axes", path)
        itemsize = dataset.get_type().get_size()
        declared, stored = math.prod(shape) * itemsize, int(dataset.get_storage_size())
        if declared > ALWAYS_FINE and declared > MAX_EXPANSION * stored:
            raise self._fail(
                f"Not allowed: H5 dataset declares {declared} bytes but only {stored} are stored "
                "on disk; refusing to load a potential decompression/shape bomb",
                path,
            )
        return Stored(
            shape, dtype, declared, stored, plan.get_nfilters() > 0 or layout == h5py.h5d.CHUNKED
        )

    def _dtype(self, dataset: Any, path: str) -> str:
        h5py = module()
        kind = dataset.get_type()
        cls, size = kind.get_class(), kind.get_size()
        if cls == h5py.h5t.OPAQUE and size <= 2:
            wanted = _attribute(dataset, b"dtype")
            if size == 2 and wanted in (None, "bfloat16"):
                return "bfloat16"
            if isinstance(wanted, str) and wanted.startswith("float8_"):
                return wanted
        elif cls in (h5py.h5t.INTEGER, h5py.h5t.FLOAT):
            found = kind.dtype
            if found.kind in "iuf" and found.itemsize <= 8:
                return found.name
        elif cls == h5py.h5t.ENUM and kind.dtype == np.dtype(bool):
            return "bool"
        elif cls == h5py.h5t.COMPOUND and kind.dtype.kind == "c":
            return kind.dtype.name
        raise self._fail("its data are not numbers; strings, objects and references are not", path)

    def _fail(self, problem: str, where: str = "") -> FileError:
        return FileError(self.path, problem, where)

    # Values -----------------------------------------------------------------------------------

    def group(self, path: str) -> Group | None:
        """Returns the group at a path with "/" between its names; None if there is none."""
        found = self.root
        for name in path.split("/") if path else ():
            inner = found.groups.get(name)
            if inner is None:
                return None
            found = inner
        return found

    def arrays(self) -> Iterator[tuple[str, Stored]]:
        """Yields pairs (path, array) of all arrays, in the order of their paths."""
        stack = [("", self.root)]
        while stack:
            path, group = stack.pop()
            for name in sorted(group.arrays):
                yield f"{path}{name}", group.arrays[name]
            inner = [(f"{path}{name}/", group.groups[name]) for name in group.groups]
            stack += sorted(inner, reverse=True)

    @property
    def elements(self) -> int:
        """How many numbers all arrays have."""
        return sum(math.prod(info.shape) for _, info in self.arrays())

    def info(self, path: str) -> Stored:
        """Returns what an array is, without reading it. KeyError if there is none."""
        group, _, name = path.rpartition("/")
        held = self.group(group)
        if held is None or name not in held.arrays:
            raise KeyError(path)
        return held.arrays[name]

    def read(self, path: str) -> np.ndarray:
        """Returns the array at a path, in the machine's byte order.

        Raises:
            KeyError: there is none.
            FileError: its bytes cannot be unpacked, or the file is closed.
        """
        info = self.info(path)
        if self._file is None:
            raise self._fail("it is closed", path)
        try:
            found = np.asarray(self._file[path][()])
        except (OSError, RuntimeError, ValueError) as error:
            raise self._fail(f"its data cannot be read: {error}", path) from error
        if found.dtype.kind == "V":
            import ml_dtypes

            found = found.view(getattr(ml_dtypes, info.dtype))
        if not found.dtype.isnative:
            found = found.astype(found.dtype.newbyteorder("="))
        return found

    def attribute(self, path: str, name: str) -> Any:
        """Returns a text, number or list of texts that is an attribute of a group, or None."""
        try:
            return _attribute(self._file[f"/{path}"].id, name.encode())
        except FileError:
            raise
        except (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError) as error:
            raise self._fail(f"its attribute {name!r} cannot be read: {error}", path) from error

    def close(self) -> None:
        """Lets go of the file. Arrays that were read stay."""
        opened, self._file = self._file, None
        if opened is not None:
            opened.close()

    def __enter__(self) -> H5File:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def module() -> Any:
    """Returns h5py. ImportError that says how it is installed if it is not there."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "Keras's files need the package h5py: pip install 'isozoo[h5]'"
        ) from error
    return h5py


def _address(group: Any) -> Any:
    info = module().h5o.get_info(group)
    return info.fileno, info.addr


def _names(group: Any) -> list[bytes]:
    return list(group)


def _link_kind(kind: int) -> str:
    h5l = module().h5l
    return {h5l.TYPE_SOFT: "SoftLink", h5l.TYPE_EXTERNAL: "ExternalLink"}.get(kind, "unknown link")


def _attribute(item: Any, name: bytes) -> Any:
    """The value of an attribute that is text, a number, or a list of texts; None without one."""
    h5py = module()
    if not h5py.h5a.exists(item, name):
        return None
    held = h5py.h5a.open(item, name)
    kind, space = held.get_type(), held.get_space()
    cls = kind.get_class()
    if cls not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT):
        return None
    count = space.get_simple_extent_npoints() if space.get_simple_extent_dims() else 1
    if count * kind.get_size() > MAX_ATTRIBUTE_BYTES:
        raise ValueError(f"the attribute {name!r} is larger than {MAX_ATTRIBUTE_BYTES} bytes")
    value = _value_of(held)
    if isinstance(value, np.ndarray):
        return [_text(x) for x in value.ravel().tolist()]
    return _text(value)


def _value_of(held: Any) -> Any:
    h5py = module()
    kind = held.get_type()
    made = np.empty(held.shape, dtype=kind.dtype)
    held.read(made, mtype=h5py.h5t.py_create(kind.dtype) if kind.dtype.kind == "O" else None)
    return made if held.shape else made[()]


def _text(x: Any) -> Any:
    if isinstance(x, bytes):
        return x.decode("utf-8")
    return x.item() if isinstance(x, np.generic) else x


class Window(io.RawIOBase):
    """A part of a binary file as a file of its own, which can be read and sought in.

    Args:
        file: open for reading.
        offset: where the part begins.
        size: bytes in it.
    """

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self._file, self._offset, self._size, self._at = file, offset, size, 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can be sought in: yes."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to a place, counted from the start (0), from here (1) or from the end (2)."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        """Returns the place where the next byte is read."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer with the bytes from here on, as far as there are any."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._at))
        self._file.seek(self._offset + self._at)
        got = self._file.readinto(view[:count])  # pyright: ignore[reportAttributeAccessIssue]
        self._at += got
        return got
