"""An interpreter of the few pickle opcodes in which PyTorch writes tensors.

It builds plain data only: text, numbers, tuples, lists, dicts, and descriptions of tensors and
storages. A global is a name compared with a fixed table, never an object: nothing is imported and
nothing can be called. Opcodes and globals outside the table end the reading.

Definition: CPython's `Lib/pickletools.py` (protocol 2); `torch/serialization.py` for the persistent
ids; `torch/_utils.py` for the arguments of the rebuild functions;
`torch/_weights_only_unpickler.py` for what older versions of PyTorch wrote.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ReaderError
from .base import MAX_RANK

STORAGE_DTYPES: dict[str, tuple[str, int]] = {
    "torch FloatStorage": ("float32", 4),
    "torch HalfStorage": ("float16", 2),
    "torch BFloat16Storage": ("bfloat16", 2),
    "torch DoubleStorage": ("float64", 8),
    "torch LongStorage": ("int64", 8),
    "torch IntStorage": ("int32", 4),
    "torch ShortStorage": ("int16", 2),
    "torch CharStorage": ("int8", 1),
    "torch ByteStorage": ("uint8", 1),
    "torch BoolStorage": ("bool", 1),
    "torch ComplexFloatStorage": ("complex64", 8),
    "torch ComplexDoubleStorage": ("complex128", 16),
}
_ORDERED_DICT = "collections OrderedDict"
_REBUILD_TENSOR = "torch._utils _rebuild_tensor_v2"
_REBUILD_PARAMETER = "torch._utils _rebuild_parameter"
# Before PyTorch 0.4: a tensor without its hooks, and a parameter by its class.
_REBUILD_OLD = "torch._utils _rebuild_tensor"
_PARAMETER = "torch.nn.parameter Parameter"
GLOBALS = frozenset(
    {
        _ORDERED_DICT,
        _REBUILD_TENSOR,
        _REBUILD_PARAMETER,
        _REBUILD_OLD,
        _PARAMETER,
        *STORAGE_DTYPES,
    }
)

# A tensor takes about 30 opcodes, so this is some 13,000 tensors a file; interpreting as many takes
# under half a second.
MAX_STEPS = 400_000
MAX_TEXT = 1 << 20


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of `numel` elements of `dtype`, found in the file under `key`."""

    key: str
    dtype: str
    itemsize: int
    numel: int


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as a window on a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a global, which stands for it and is never looked up."""

    name: str


class OrderedMap(dict[Any, Any]):
    """What stands for `collections.OrderedDict`; its `BUILD` state is dropped."""


_MARK = object()


class PickleMachine:
    """Reads one pickle that begins at `start` of a mapped file and ends before `end`.

    Args:
        file: the mapped file, or another with its `path`, `size`, `buffer` and `bytes_at`.
        start: offset of the first byte.
        end: no byte at or after this offset is read.
        steps: the most opcodes that are interpreted.

    After `run`, `position` is the offset after the pickle, `steps` how many more opcodes are
    allowed, and `storages` holds every storage that was named, by key.
    """

    actions: dict[bytes, Callable[[Any], None]]
    allowed = GLOBALS

    def __init__(self, file: Any, start: int, end: int, steps: int = MAX_STEPS) -> None:
        self._file = file
        self.path: Path = file.path
        self.position, self.steps = start, steps
        self._end = min(end, file.size)
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def run(self) -> Any:
        """Interprets the pickle and returns its value. ReaderError for more than plain tensors."""
        while self.steps > 0:
            self.steps -= 1
            at = self.position
            code = self._take(1)
            if code == b".":
                value = self._pop()
                if self._stack:
                    raise self._fail("values are left on the stack", at)
                return value
            action = self.actions.get(code)
            if action is None:
                raise self._fail(
                    f"opcode {code!r} is refused: tensors do not need it, code may", at
                )
            action(self)
        raise self._fail(
            f"the pickle has more than {MAX_STEPS} opcodes, more than a state dict needs",
            advice="If it holds an optimizer's state or logs too, save its state dict alone",
        )

    def _fail(self, problem: str, at: int | None = None, advice: str = "") -> ReaderError:
        where = f"offset {self.position if at is None else at}"
        return ReaderError(self.path, problem, where, advice)

    def _take(self, count: int) -> bytes:
        if self.position + count > self._end:
            raise self._fail("the pickle is cut short")
        raw = self._file.bytes_at(self.position, count)
        self.position += count
        return raw

    def _unsigned(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._fail("the stack is empty where a value is expected")
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._fail("the stack is empty where a value is expected")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise self._fail("there is no mark on the stack")

    # -- one method for each opcode or group of opcodes

    def protocol(self) -> None:
        """Reads PROTO: the number of the protocol, a byte. ReaderError for any but 2."""
        if (version := self._unsigned(1)) != 2:
            raise self._fail(f"pickle protocol {version}; PyTorch writes 2")

    def mark(self) -> None:
        """Pushes a mark (_MARK), up to which a later opcode takes values from the stack."""
        self._stack.append(_MARK)

    def text(self, size: int) -> None:
        """Pushes a text (BINUNICODE and its kin): a length of `size` bytes, then UTF-8.

        ReaderError for more than a megabyte, or for what is not UTF-8.
        """
        length = self._unsigned(size)
        if length > MAX_TEXT:
            raise self._fail(f"a text of {length} bytes is refused")
        try:
            self._stack.append(self._take(length).decode("utf-8"))
        except UnicodeDecodeError as error:
            raise self._fail("a text is not UTF-8") from error

    def signed(self) -> None:
        """Pushes a signed integer of 4 bytes (BININT)."""
        self._stack.append(struct.unpack("<i", self._take(4))[0])

    def long(self) -> None:
        """Pushes a signed integer of any length (LONG1). ReaderError for more than 16 bytes."""
        length = self._unsigned(1)
        if length > 16:
            raise self._fail(f"an integer of {length} bytes is refused")
        self._stack.append(int.from_bytes(self._take(length), "little", signed=True))

    def float(self) -> None:
        """Pushes a float of 8 bytes, the highest first (BINFLOAT)."""
        self._stack.append(struct.unpack(">d", self._take(8))[0])

    def tuple(self, count: int) -> None:
        """Replaces the `count` topmost values by a tuple of them (TUPLE1 to TUPLE3)."""
        values = [self._pop() for _ in range(count)][::-1]
        self._stack.append((*values,))

    def tuple_to_mark(self) -> None:
        """Replaces the values above the topmost mark, and it, by a tuple of them (TUPLE)."""
        self._stack.append((*self._pop_to_mark(),))

    def put(self, size: int) -> None:
        """Remembers the topmost value under a number of `size` bytes (BINPUT, LONG_BINPUT)."""
        self._memo[self._unsigned(size)] = self._top()

    def get(self, size: int) -> None:
        """Pushes the value remembered under a number of `size` bytes (BINGET, LONG_BINGET).

        ReaderError where nothing is.
        """
        index = self._unsigned(size)
        if index not in self._memo:
            raise self._fail(f"memo {index} was never set")
        self._stack.append(self._memo[index])

    def append(self, values: list[Any]) -> None:
        """Appends values to the list on top of the stack (APPEND, APPENDS).

        ReaderError where there is no list.
        """
        target = self._top()
        if not isinstance(target, list):
            raise self._fail("values are appended to something that is not a list")
        target.extend(values)

    def set_items(self, values: list[Any]) -> None:
        """Sets items of the dict on top of the stack (SETITEM, SETITEMS).

        Args:
            values: key, value, key, value and so on.

        ReaderError where there is no dict, and for a key that is neither text nor a number.
        """
        target = self._top()
        if not isinstance(target, dict) or len(values) % 2:
            raise self._fail("items are set on something that is not a dict")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, (str, int)):
                raise self._fail("a dict's key is neither text nor a number")
            target[key] = value

    def build(self) -> None:
        """Drops a state (BUILD): the `_metadata` of a state dict, or the flags of a parameter.

        ReaderError for any other.
        """
        state = self._pop()
        # (requires_grad, volatile, hooks), as PyTorch wrote it before 0.4
        if isinstance(self._top(), StoredTensor) and isinstance(state, tuple) and len(state) == 3:
            if isinstance(state[0], bool) and isinstance(state[1], bool) and not state[2]:
                return
        # PyTorch hangs `_metadata` (versions of modules) on a state dict; nothing else is known.
        if not (
            isinstance(self._top(), OrderedMap)
            and isinstance(state, dict)
            and state.keys() <= {"_metadata"}
        ):
            raise self._fail("BUILD is refused: only a state dict's _metadata may be set")

    def globals(self) -> None:
        """Pushes the name of a global (GLOBAL). ReaderError for one outside of `GLOBALS`."""
        at = self.position - 1
        name = f"{self._line()} {self._line()}"
        self._push_global(name, at)

    def _push_global(self, name: str, at: int) -> None:
        if name not in self.allowed:
            raise self._fail(
                f"global {name!r} is refused: it is not one of the {len(self.allowed)} that "
                "tensors and known modules need, and loading it could run code",
                at,
                "If a whole model was saved, save its state_dict() instead; else do not trust the "
                "file",
            )
        self._stack.append(Global(name))

    def _line(self) -> str:
        limit = min(self.position + 256, self._end)
        stop = self._file.buffer.find(b"\n", self.position, limit)
        if stop < 0:
            raise self._fail("a global's name does not end")
        return self._take(stop + 1 - self.position)[:-1].decode("ascii", "backslashreplace")

    def persistent_id(self) -> None:
        """Replaces the description of a storage by a `Storage` (BINPERSID).

        ReaderError for a description of any other form, and for a second one that differs.
        """
        pid = self._pop()
        # (what, type, key, device, numel) and, in the legacy form, a view that is always None now
        if not (
            isinstance(pid, tuple)
            and len(pid) in (5, 6)
            and pid[0] == "storage"
            and isinstance(pid[1], Global)
            and pid[1].name in STORAGE_DTYPES
            and isinstance(pid[2], str)
            and pid[2].isascii()
            and pid[2].isdigit()
            and isinstance(pid[3], str)
            and _is_count(pid[4])
            and (len(pid) == 5 or pid[5] is None)
        ):
            raise self._fail("a persistent id is not that of a plain storage")
        dtype, itemsize = STORAGE_DTYPES[pid[1].name]
        storage = Storage(pid[2], dtype, itemsize, pid[4])
        if self.storages.setdefault(storage.key, storage) != storage:
            raise self._fail(f"storage {storage.key} is described in two ways")
        self._stack.append(storage)

    def reduce(self) -> None:
        """Replaces a global and its arguments by what the call would give (REDUCE).

        That is an `OrderedMap` or a `StoredTensor`. Nothing is called.

        Raises:
            ReaderError: any other global, or arguments of another form.
        """
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise self._fail("REDUCE is refused: what it calls is not one of the known globals")
        if function.name == _ORDERED_DICT and len(arguments) <= 1:
            self._stack.append(self._ordered(*arguments))
        elif function.name == _REBUILD_TENSOR:
            self._stack.append(self._tensor(arguments))
        elif function.name == _REBUILD_OLD and len(arguments) == 4:
            self._stack.append(self._tensor((*arguments, False, None)))
        elif function.name == _PARAMETER:
            self._stack.append(self._parameter(arguments))
        elif function.name == _REBUILD_PARAMETER and len(arguments) == 3:
            if not isinstance(arguments[0], StoredTensor) or arguments[2]:
                raise self._fail("a parameter is not a plain tensor")
            self._stack.append(arguments[0])
        else:
            raise self._fail(f"REDUCE of {function.name!r} with these arguments is refused")

    def new_object(self) -> None:
        """Replaces the class of parameters and a tensor by the tensor (NEWOBJ).

        ReaderError for any other class.
        """
        arguments, cls = self._pop(), self._pop()
        if not isinstance(cls, Global) or cls.name != _PARAMETER:
            raise self._fail("NEWOBJ is refused: only parameters are known")
        self._stack.append(self._parameter(arguments))

    def _ordered(self, pairs: Any = ()) -> OrderedMap:
        """Python 2 writes the items of an OrderedDict as one list of lists [key, value]."""
        made = OrderedMap()
        if not isinstance(pairs, list | tuple):
            raise self._fail("an OrderedDict is not made of a list of pairs")
        for pair in pairs:
            if not (
                isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str | int)
            ):
                raise self._fail("an OrderedDict's item is not a pair of a name and a value")
            made[pair[0]] = pair[1]
        return made

    def _parameter(self, arguments: Any) -> StoredTensor:
        """The tensor in (tensor,) or (tensor, requires_grad)."""
        if (
            isinstance(arguments, tuple)
            and len(arguments) in (1, 2)
            and isinstance(arguments[0], StoredTensor)
            and all(isinstance(flag, bool) for flag in arguments[1:])
        ):
            return arguments[0]
        raise self._fail("a parameter is not a plain tensor")

    def _tensor(self, arguments: Any) -> StoredTensor:
        if len(arguments) not in (6, 7) or not isinstance(arguments[0], Storage):
            raise self._fail("a tensor is not rebuilt from a storage")
        storage, offset, shape, strides = arguments[:4]
        if arguments[5] or (len(arguments) == 7 and arguments[6]):
            raise self._fail("a tensor with hooks or conjugate bits is refused")
        if not (
            _is_count(offset)
            and isinstance(shape, tuple)
            and isinstance(strides, tuple)
            and len(shape) == len(strides) <= MAX_RANK
            and all(_is_count(n) for n in (*shape, *strides))
        ):
            raise self._fail("a tensor's offset, sizes or strides are not non-negative integers")
        if 0 in shape:
            return StoredTensor(storage, 0, shape, strides)
        last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        count = 1
        for n in shape:
            count *= n
        if last >= storage.numel or count > storage.numel:
            raise self._fail(
                f"a tensor of sizes {shape}, strides {strides} at offset {offset} reaches outside "
                f"its storage of {storage.numel} elements"
            )
        return StoredTensor(storage, offset, shape, strides)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _push(make: Callable[[], Any]) -> Callable[[PickleMachine], None]:
    return lambda machine: machine._stack.append(make())


PickleMachine.actions = {
    b"\x80": PickleMachine.protocol,
    b"(": PickleMachine.mark,
    b"}": _push(dict),
    b"]": _push(list),
    b")": _push(tuple),
    b"N": _push(lambda: None),
    b"\x88": _push(lambda: True),
    b"\x89": _push(lambda: False),
    b"X": lambda m: m.text(4),
    b"T": lambda m: m.text(4),
    b"U": lambda m: m.text(1),
    b"J": PickleMachine.signed,
    b"K": lambda m: m._stack.append(m._unsigned(1)),
    b"M": lambda m: m._stack.append(m._unsigned(2)),
    b"\x8a": PickleMachine.long,
    b"G": PickleMachine.float,
    b"t": PickleMachine.tuple_to_mark,
    b"\x85": lambda m: m.tuple(1),
    b"\x86": lambda m: m.tuple(2),
    b"\x87": lambda m: m.tuple(3),
    b"q": lambda m: m.put(1),
    b"r": lambda m: m.put(4),
    b"h": lambda m: m.get(1),
    b"j": lambda m: m.get(4),
    b"a": lambda m: m.append([m._pop()]),
    b"e": lambda m: m.append(m._pop_to_mark()),
    b"s": lambda m: m.set_items([m._pop(), m._pop()][::-1]),
    b"u": lambda m: m.set_items(m._pop_to_mark()),
    b"c": PickleMachine.globals,
    b"Q": PickleMachine.persistent_id,
    b"R": PickleMachine.reduce,
    b"\x81": PickleMachine.new_object,
    b"b": PickleMachine.build,
}
