"""Readers of PyTorch's `.pth`/`.pt`/`.bin` files, in the zip and in the older (legacy) form.

Both hold one pickle that describes the tensors, and their storages as raw little-endian bytes.
The pickle is read as data by `ModulePickleMachine`; torch is not needed and not imported.

Legacy form: pickles of a magic number, the protocol (1001), a dict on the writer's machine, the
object, and a list of storage keys; then for each key an i64 number of elements and the bytes.
Zip form: members `ROOT/data.pkl`, `ROOT/data/KEY`, and a few small ones, all stored plainly.
Definition: `torch/serialization.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReaderError
from .base import MappedFile, Reader, TensorInfo, check_key, numpy_dtype
from .module_pickle import ModulePickleMachine, StandIn, module_tensors
from .pickle_machine import MAX_STEPS, Storage, StoredTensor
from .stored_zip import Member, check_crc, stored_members

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
LEGACY_PREFIX = b"\x80\x02\x8a\x0a" + LEGACY_MAGIC.to_bytes(10, "little")
MAX_PICKLE_BYTES = 64 << 20
MAX_DEPTH = 8
# Under these names trainers keep a network's state dict beside the optimizer's and the epoch.
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "module", "net")
# Under these names checkpoints keep a whole module; the average over the training comes first.
_WHOLE = ("ema", "model")
# PyTorch 1.4 to 1.6 call a storage by its address in memory: up to 20 digits.
_MEMBER = re.compile(
    r"[^/\\\x00]{1,200}/"
    r"(data\.pkl|data/[0-9]{1,20}|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id)"
)
_SCRIPT = re.compile(r"[^/\\\x00]{1,200}/(code/.*|constants\.pkl)", re.DOTALL)


class TorchPickleReader(Reader):
    """Tensors of a file that `torch.save` wrote: a state dict, dicts that hold one, or a module.

    A tensor in nested dicts is called by the path of keys, joined by dots. What is not a tensor
    (an epoch number, an optimizer's settings) is passed over. Where the outermost dict holds no
    tensor itself and one of its entries `WRAPPERS` holds some, the file's tensors are those of this
    entry, under the names that they have in it. Of a whole module, or a dict with one as "ema" or
    "model", the tensors are those of its `state_dict`.

    Attributes:
        module: what stands for the whole module; None where the file has none.

    Raises:
        ReaderError: the file is cut short, compressed, or its pickle holds an opcode or a global
            that tensors do not need (which is then named), a tensor outside its storage, or state
            dicts under two of the names.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = MappedFile(self.path)
        self._members: dict[str, Member] = {}  # storage key -> member not yet checked by CRC
        try:
            zipped = self._file.bytes_at(0, 4, "magic number") == b"PK\x03\x04"
            tree, self._offsets = self._open_zip() if zipped else self._open_legacy()
            self.module = _whole_module(tree)
            self._texts = {
                key: value
                for key, value in (tree.items() if isinstance(tree, dict) else ())
                if isinstance(key, str) and isinstance(value, str)
            }
            self._tensors = dict(
                self._named_tensors(self._state_dict(tree))
                if self.module is None
                else ((check_key(self.path, k), v) for k, v in module_tensors(self.module))
            )
            if not self._tensors:
                raise ReaderError(self.path, "it holds no tensors; a state dict is expected")
        except BaseException:
            self._file.close()
            raise

    def keys(self) -> Sequence[str]:
        """Returns the names of the tensors, in the order in which the state dict holds them."""
        return list(self._tensors)

    def __contains__(self, key: object) -> bool:
        return key in self._tensors

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor, without reading it. KeyError for an unknown name."""
        tensor = self._tensors[key]
        return TensorInfo(tensor.shape, tensor.storage.dtype)

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as a view of its storage, with the strides that it was saved with.

        The storage is compared with its CRC when its first tensor is read.

        Raises:
            ReaderError: the CRC differs.
            KeyError: an unknown name.
        """
        return self.read_stored(self._tensors[key], key)

    def read_stored(self, tensor: StoredTensor, key: str) -> np.ndarray:
        """Returns a tensor of the file that need not be a weight; see `read`.

        Args:
            tensor: from `module`.
            key: what errors call it.

        Raises:
            ReaderError: the CRC differs.
        """
        storage = tensor.storage
        dtype = numpy_dtype(storage.dtype)
        if 0 in tensor.shape:
            return np.zeros(tensor.shape, dtype)
        if (member := self._members.pop(storage.key, None)) is not None:
            check_crc(self._file, member)
        # in bounds: the machine compared offset, sizes and strides with the storage
        span = 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
        start = self._offsets[storage.key] + tensor.offset * storage.itemsize
        flat = self._file.array(start, TensorInfo((span,), storage.dtype), key)
        return np.lib.stride_tricks.as_strided(
            flat,
            tensor.shape,
            [step * dtype.itemsize for step in tensor.strides],
        )

    def release(self, key: str) -> None:
        """Drops the pages of a tensor's whole storage from memory. Changes to views are lost."""
        storage = self._tensors[key].storage
        self._file.release(self._offsets[storage.key], storage.numel * storage.itemsize)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The texts in the outermost dict, such as a licence or a date."""
        return self._texts

    def identity(self, key: str) -> Hashable:
        """Returns storage, offset, shape and strides: the same for two names of one tensor."""
        return self._tensors[key]

    def close(self) -> None:
        """Closes the file. Arrays that were read stay valid."""
        self._file.close()

    def _open_zip(self) -> tuple[Any, dict[str, int]]:
        members = stored_members(self._file, self._has_place)
        roots = {name.split("/", 1)[0] for name in members}
        root = roots.pop() if len(roots) == 1 else ""
        index = members.get(f"{root}/data.pkl")
        if index is None:
            raise ReaderError(self.path, "it is a zip archive without one data.pkl")
        order = members.get(f"{root}/byteorder")
        if order is not None and self._file.bytes_at(order.offset, order.size) != b"little":
            raise ReaderError(self.path, "its tensors are not little-endian")
        if index.size > MAX_PICKLE_BYTES:
            raise ReaderError(self.path, f"data.pkl is over {MAX_PICKLE_BYTES} bytes")
        check_crc(self._file, index)
        end = index.offset + index.size
        machine = ModulePickleMachine(self._file, index.offset, end)
        tree = machine.run()
        if machine.position != end:
            raise ReaderError(self.path, "bytes are left over after the pickle", "data.pkl")
        offsets: dict[str, int] = {}
        for storage in machine.storages.values():
            member = members.get(f"{root}/data/{storage.key}")
            if member is None:
                raise ReaderError(self.path, f"storage {storage.key} is missing")
            self._check_size(storage, member.size, member.offset)
            offsets[storage.key] = member.offset
            self._members[storage.key] = member
        return tree, offsets

    def _has_place(self, name: str) -> bool:
        """Whether a member may be there. ReaderError for one that only TorchScript has."""
        if _SCRIPT.fullmatch(name):
            raise ReaderError(
                self.path,
                "it is TorchScript, which holds a program beside the weights",
                f"member {name[:80]}",
                "Where PyTorch may run it, save its weights alone: "
                "torch.save(torch.jit.load(PATH).state_dict(), 'weights.pth')",
            )
        return _MEMBER.fullmatch(name) is not None

    def _open_legacy(self) -> tuple[Any, dict[str, int]]:
        end = min(self._file.size, MAX_PICKLE_BYTES)
        position, steps, values = 0, MAX_STEPS, []
        storages: dict[str, Storage] = {}
        for index in range(5):
            machine = ModulePickleMachine(self._file, position, end, steps)
            values.append(machine.run())
            position, steps = machine.position, machine.steps
            storages.update(machine.storages)
            if index == 0 and values[0] != LEGACY_MAGIC:
                raise ReaderError(self.path, "PyTorch's magic number is expected", "offset 0")
        _, protocol, system, tree, order = values
        if protocol != LEGACY_PROTOCOL:
            raise ReaderError(self.path, f"protocol {protocol}; {LEGACY_PROTOCOL} is expected")
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ReaderError(self.path, "its tensors are not little-endian")
        if not isinstance(order, list) or sorted(map(repr, order)) != sorted(map(repr, storages)):
            raise ReaderError(self.path, "its list of storages differs from those of the tensors")
        offsets: dict[str, int] = {}
        for key in order:
            numel = int.from_bytes(
                self._file.bytes_at(position, 8, f"storage {key}"), "little", signed=True
            )
            storage = storages[key]
            self._check_size(storage, numel * storage.itemsize, position)
            offsets[key] = position + 8
            position += 8 + numel * storage.itemsize
            if position > self._file.size:
                raise ReaderError(self.path, "the file is cut short", f"storage {key}")
        if position != self._file.size:
            raise ReaderError(self.path, f"{self._file.size - position} bytes are left over")
        return tree, offsets

    def _check_size(self, storage: Storage, size: int, offset: int) -> None:
        expected = storage.numel * storage.itemsize
        if size != expected:
            raise ReaderError(
                self.path,
                f"storage {storage.key} has {size} bytes, and its tensors were said to have "
                f"{expected}",
                f"offset {offset}",
            )

    def _state_dict(self, tree: Any) -> Any:
        """Returns the dict that holds the network's tensors: `tree`, or the one entry with them."""
        if not isinstance(tree, dict) or any(isinstance(v, StoredTensor) for v in tree.values()):
            return tree
        named = [
            name
            for name in WRAPPERS
            if isinstance(tree.get(name), dict) and any(self._named_tensors(tree[name]))
        ]
        if len(named) > 1:
            raise ReaderError(
                self.path,
                f"it holds several state dicts: {', '.join(named)}",
                advice="Save the one that is meant alone: torch.save(checkpoint[NAME], path)",
            )
        return tree[named[0]] if named else tree

    def _named_tensors(self, tree: Any) -> Iterator[tuple[str, StoredTensor]]:
        """Returns (name, tensor) of every tensor in nested dicts; each dict is entered once."""
        entered: set[int] = set()
        waiting: list[tuple[str, Any, int]] = [("", tree, 0)]
        while waiting:
            name, value, depth = waiting.pop()
            if isinstance(value, StoredTensor) and name:
                yield check_key(self.path, name), value
            elif isinstance(value, dict) and depth < MAX_DEPTH and id(value) not in entered:
                entered.add(id(value))
                waiting += [
                    (f"{name}.{key}" if name else str(key), inner, depth + 1)
                    for key, inner in reversed(value.items())
                ]


def _whole_module(tree: Any) -> StandIn | None:
    """Returns the module that a file holds: by itself, or in a checkpoint's dict."""
    candidates = [tree.get(name) for name in _WHOLE] if isinstance(tree, dict) else [tree]
    return next((found for found in candidates if isinstance(found, StandIn)), None)
