"""What a pickle would import and call if it were loaded the usual way; nothing of it is run.

Definition: CPython's `Lib/pickletools.py`, whose `genops` reads opcodes one by one.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from dataclasses import dataclass, field

from .readers.pickle_machine import GLOBALS

MAX_OPCODES = 2_000_000
MAX_BYTES = 512 << 20
# What plain tensors, arrays and containers are made of.
_HARMLESS = {
    *GLOBALS,
    "collections OrderedDict",
    "numpy ndarray",
    "numpy dtype",
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    "_codecs encode",
    "torch Size",
    "torch device",
    "torch.serialization _get_layout",
}


@dataclass
class PickleScan:
    """What stands in pickles.

    Attributes:
        imports: "module name" of all globals, sorted.
        unusual: those of them that tensors, arrays and containers do not need.
        problems: why the reading ended early.
    """

    imports: list[str] = field(default_factory=list)
    unusual: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def looks_like_pickle(head: bytes) -> bool:
    """Tells whether a file may begin with a pickle: protocol 2 and later say so."""
    return len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def scan_pickle(content: bytes) -> PickleScan:
    """Looks through the pickles that stand one behind the other in `content`."""
    found = PickleScan()
    imports: set[str] = set()
    stream, left = io.BytesIO(content), MAX_OPCODES
    while stream.tell() < len(content) and left > 0:
        texts: list[str] = []
        begun = stream.tell()
        if begun and not looks_like_pickle(content[begun : begun + 2]):
            break  # the bytes of tensors
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                left -= 1
                if left <= 0:
                    found.problems.append(f"more than {MAX_OPCODES} opcodes")
                    break
                if opcode.name in ("GLOBAL", "INST"):
                    imports.add(str(argument))
                elif opcode.name == "STACK_GLOBAL":
                    imports.add(" ".join(texts[-2:]) if len(texts) > 1 else "(computed)")
                elif isinstance(argument, str):
                    texts.append(argument)
        except Exception as error:  # genops raises whatever damaged bytes make it raise
            found.problems.append(f"it is damaged: {str(error)[:80]}")
            break
    found.imports = sorted(imports)
    found.unusual = [name for name in found.imports if name not in _HARMLESS]
    return found


def pickles_in_zip(file: zipfile.ZipFile) -> dict[str, bytes]:
    """Returns name -> content of an archive's members that are pickles; bounded."""
    found: dict[str, bytes] = {}
    for member in file.infolist()[:100_000]:
        if member.file_size > MAX_BYTES or not member.filename.endswith((".pkl", ".pickle")):
            continue
        with file.open(member) as opened:
            found[member.filename] = opened.read(MAX_BYTES)
    return found
