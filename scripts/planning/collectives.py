"""Collectives in the text of a program that XLA compiled."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_BYTES = {"f64": 8, "s64": 8, "u64": 8, "f32": 4, "s32": 4, "u32": 4, "bf16": 2, "f16": 2}
_BYTES |= {"s8": 1, "u8": 1, "pred": 1, "s16": 2, "u16": 2}
_KINDS = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
_LINE = re.compile(rf"= (?P<shape>\(.*?\)|\S+) (?P<kind>{_KINDS})(?:-start)?\(")
_SHAPE = re.compile(r"([a-z]+[0-9]*)\[([0-9,]*)\]")
_LISTED = re.compile(r"replica_groups=\{\{([0-9,]*)\}")
_IOTA = re.compile(r"replica_groups=\[([0-9]+),([0-9]+)\]<=")
_MESH = re.compile(r"replica_groups=mesh\[(.*?)\].*?\{('.*?')\}")
_AXIS = re.compile(r"('\w+')=([0-9]+)")
_ALL = re.compile(r"num_partitions=([0-9]+)")


class Collective(NamedTuple):
    """A collective of a program.

    Attributes:
        kind: "all-reduce" and the like.
        devices: how many devices of a group take part.
        bytes: of its result on one device.
    """

    kind: str
    devices: int
    bytes: int

    @property
    def sent(self) -> int:
        """Bytes that one device sends, by the algorithms of rings."""
        n, size = self.devices, self.bytes
        if self.kind == "all-reduce":
            return 2 * size * (n - 1) // n
        if self.kind == "reduce-scatter":  # its result is a part
            return size * (n - 1)
        if self.kind == "collective-permute":
            return size
        return size * (n - 1) // n


def in_program(text: str) -> list[Collective]:
    """Returns the collectives in the text of a compiled program, in their order."""
    found = []
    everyone = int(all_[1]) if (all_ := _ALL.search(text)) else 1
    for line in text.splitlines():
        match = _LINE.search(line)
        if match is None:
            continue
        size = sum(
            _BYTES.get(kind, 4) * math.prod(int(n) for n in dims.split(",") if n)
            for kind, dims in _SHAPE.findall(match["shape"])
        )
        found.append(Collective(match["kind"], _devices(line, everyone), size))
    return [c for c in found if c.devices > 1 or c.kind == "collective-permute"]


def _devices(line: str, everyone: int) -> int:
    if listed := _LISTED.search(line):
        return len([n for n in listed[1].split(",") if n]) or 1
    if iota := _IOTA.search(line):
        return int(iota[2])
    if mesh := _MESH.search(line):
        sizes = {name: int(size) for name, size in _AXIS.findall(mesh[1])}
        return math.prod(sizes[name.partition(":")[0]] for name in mesh[2].split(","))
    return everyone
