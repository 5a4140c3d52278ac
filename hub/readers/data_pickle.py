"""Plain data and NumPy arrays out of pickles, by the machine that reads PyTorch's.

Data sets that were published as pickles (CIFAR's batches, NumPy's arrays of lists) hold numbers,
texts, lists, dicts and arrays. Nothing else is built, nothing is imported and nothing is called.

Definition: CPython's `Lib/pickletools.py` (protocols 2 to 5); `numpy.ndarray.__reduce__` and
`numpy.dtype.__reduce__` for the forms of arrays.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReaderError
from .base import MAX_RANK
from .pickle_machine import Global, PickleMachine

_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_NDARRAY, _DTYPE, _ENCODE = "numpy ndarray", "numpy dtype", "_codecs encode"
# How Python 3 writes no bytes at all in protocol 2.
_BYTES = ("__builtin__ bytes", "builtins bytes")
# 25,000 reviews of IMDB take some 200,000 steps: numbers in a row are one.
MAX_STEPS = 20_000_000
_NUMBERS = re.compile(rb"(?:K.|M..|J....)+", re.DOTALL)
_KINDS = re.compile(r"[iu][1248]|f[248]|b1|O[48]?")


class Content:
    """Bytes in memory, in the place of a mapped file.

    Args:
        content: the bytes.
        path: what errors call them.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        self.buffer, self.path, self.size = content, path, len(content)

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Returns `count` bytes at `offset`; the caller has compared both with `size`."""
        return self.buffer[offset : offset + count]


class _Dtype:
    def __init__(self, kind: str) -> None:
        self.kind, self.order = kind, "="


class _Array:
    """An array that is filled by the opcode behind it; others may refer to it already."""

    value: np.ndarray | None = None


def read_data(content: bytes, path: Path, start: int = 0) -> Any:
    """Returns what a pickle holds.

    Args:
        content: the file's bytes.
        path: what errors call it.
        start: where in `content` the pickle begins.

    Returns:
        None, bools, numbers, str, bytes (of Python 2's str, too), lists, tuples, dicts and arrays.

    Raises:
        ReaderError: it is damaged, or holds anything else.
    """
    found = DataMachine(Content(content, path), start, len(content), MAX_STEPS).run()
    return _Filler(path)(found)


class _Filler:
    """Puts arrays in the places of their descriptions, in each shared value once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done: dict[int, tuple[Any, Any]] = {}  # id -> (value, which keeps the id, result)

    def __call__(self, x: Any, depth: int = 0) -> Any:
        if not isinstance(x, dict | list | tuple | _Array | _Dtype | Global):
            return x
        if id(x) in self._done:
            return self._done[id(x)][1]
        if depth > MAX_RANK:
            raise ReaderError(self.path, "values are nested too deeply, or hold themselves")
        made = self._made(x, depth + 1)
        self._done[id(x)] = (x, made)
        return made

    def _made(self, x: Any, depth: int) -> Any:
        if isinstance(x, _Array):
            if x.value is None:
                raise ReaderError(self.path, "an array has no content")
            return x.value
        if isinstance(x, dict):
            return {key: self(value, depth) for key, value in x.items()}
        if isinstance(x, tuple):
            return tuple(self(value, depth) for value in x)
        if isinstance(x, list):
            plain = set(map(type, x)) <= _LEAVES
            return x if plain else [self(value, depth) for value in x]
        raise ReaderError(self.path, "a dtype or global stands where data is expected")


_LEAVES = {int, float, bool, str, bytes, type(None)}


class DataMachine(PickleMachine):
    """Reads one pickle of plain data; see `PickleMachine`."""

    allowed = frozenset({*_RECONSTRUCT, _NDARRAY, _DTYPE, _ENCODE, *_BYTES})

    def protocol(self) -> None:
        """Reads PROTO. ReaderError for any protocol but 2 to 5."""
        if (version := self._unsigned(1)) not in (2, 3, 4, 5):
            raise self._fail(f"pickle protocol {version}; 2 to 5 are read")

    def mark(self) -> None:
        """Pushes a mark, and the numbers behind it at once: a review is some hundred of them."""
        super().mark()
        found = _NUMBERS.match(self._file.buffer, self.position, self._end)
        if found is not None:
            self.position = found.end()
            self._stack.extend(_numbers(found[0]))

    def bytes(self, size: int) -> None:
        """Pushes bytes: a length of `size` bytes, then so many."""
        self._stack.append(self._take(self._unsigned(size)))

    def frame(self) -> None:
        """Passes over the size of a frame (FRAME), which says nothing new."""
        self._take(8)

    def memoize(self) -> None:
        """Remembers the topmost value under the next number (MEMOIZE)."""
        self._memo[len(self._memo)] = self._top()

    def stack_global(self) -> None:
        """Pushes the global whose module and name are on the stack (STACK_GLOBAL)."""
        name, module = self._pop(), self._pop()
        self._push_global(f"{module} {name}", self.position - 1)

    def set_items(self, values: list[Any]) -> None:
        """Sets items of the dict on top of the stack; keys that are bytes become text."""
        keys = [k.decode("latin-1") if isinstance(k, bytes) else k for k in values[::2]]
        super().set_items([x for pair in zip(keys, values[1::2], strict=False) for x in pair])

    def reduce(self) -> None:
        """Replaces a global and its arguments by what the call would give; nothing is called."""
        arguments, function = self._pop(), self._pop()
        name = function.name if isinstance(function, Global) else ""
        made: Any = None
        if isinstance(arguments, tuple):
            if name in _RECONSTRUCT and arguments[:1] == (Global(_NDARRAY),):
                made = _Array()
            elif name == _DTYPE and arguments:
                made = self._dtype(arguments[0])
            elif name in _BYTES and not arguments:
                made = b""
            elif name == _ENCODE and arguments[1:] == ("latin1",) and isinstance(arguments[0], str):
                try:
                    made = arguments[0].encode("latin-1")
                except UnicodeEncodeError:
                    made = None
        if made is None:
            raise self._fail(f"REDUCE of {name or 'a value'!r} with these arguments is refused")
        self._stack.append(made)

    def _dtype(self, kind: Any) -> _Dtype:
        kind = kind.decode("latin-1") if isinstance(kind, bytes) else kind
        if not isinstance(kind, str) or not _KINDS.fullmatch(kind):
            raise self._fail(f"an array of dtype {str(kind)[:40]!r} is refused")
        return _Dtype(kind)

    def build(self) -> None:
        """Fills the array or dtype on top of the stack (BUILD). ReaderError for anything else."""
        state, target = self._pop(), self._top()
        if isinstance(target, _Dtype) and isinstance(state, tuple) and len(state) > 1:
            order = state[1].decode("latin-1") if isinstance(state[1], bytes) else state[1]
            if order not in ("<", ">", "|", "="):
                raise self._fail("a dtype has no byte order")
            target.order = order
        elif isinstance(target, _Array) and isinstance(state, tuple) and len(state) == 5:
            target.value = self._array(*state[1:])
        else:
            raise self._fail("BUILD is refused: only arrays are filled")

    def _array(self, shape: Any, dtype: Any, by_columns: Any, content: Any) -> np.ndarray:
        if not (
            isinstance(shape, tuple)
            and len(shape) <= MAX_RANK
            and all(type(n) is int and 0 <= n < 2**40 for n in shape)
            and isinstance(dtype, _Dtype)
        ):
            raise self._fail("an array's shape or dtype is malformed")
        order = "F" if by_columns else "C"
        count = math.prod(shape)
        if dtype.kind.startswith("O"):
            if not isinstance(content, list) or len(content) != count:
                raise self._fail("an array of objects has another number of them than its shape")
            flat = np.empty(count, object)
            fill = _Filler(self.path)
            for place, value in enumerate(content):
                flat[place] = fill(value)
            return flat.reshape(shape, order=order)
        exact = np.dtype(dtype.kind if dtype.order == "|" else dtype.order + dtype.kind)
        if not isinstance(content, bytes) or len(content) != count * exact.itemsize:
            raise self._fail("an array's bytes do not fit its shape")
        found = np.frombuffer(content, exact).reshape(shape, order=order)
        return found.astype(exact.newbyteorder("="))


def _numbers(run: bytes) -> list[int]:
    """The integers of a run of BININT1, BININT2 and BININT."""
    if len(run) % 2 == 0 and run[::2] == b"K" * (len(run) // 2):
        return list(run[1::2])
    found, place = [], 0
    while place < len(run):
        code = run[place]
        if code == 0x4B:
            found.append(run[place + 1])
            place += 2
        elif code == 0x4D:
            found.append(run[place + 1] | run[place + 2] << 8)
            place += 3
        else:
            found.append(int.from_bytes(run[place + 1 : place + 5], "little", signed=True))
            place += 5
    return found


DataMachine.actions = {
    **{
        code: action
        for code, action in PickleMachine.actions.items()
        if code not in (b"Q", b"\x81")
    },
    b"\x80": DataMachine.protocol,
    b"(": DataMachine.mark,
    b"T": lambda m: m.bytes(4),
    b"U": lambda m: m.bytes(1),
    b"B": lambda m: m.bytes(4),
    b"C": lambda m: m.bytes(1),
    b"\x8e": lambda m: m.bytes(8),
    b"\x8c": lambda m: m.text(1),
    b"\x93": DataMachine.stack_global,
    b"\x94": DataMachine.memoize,
    b"\x95": DataMachine.frame,
    b"c": DataMachine.globals,
    b"R": DataMachine.reduce,
    b"b": DataMachine.build,
}
