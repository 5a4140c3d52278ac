"""Writing GGUF files, as llama.cpp reads them; see `readers.gguf` for the layout.

Matrices are written in the form that is asked for, vectors in float32, as llama.cpp's own
converter does. Definition of the blocks: ggml's `quantize_row_q8_0_ref`.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..framework.files import atomic_path
from .errors import HubError
from .readers.blocks import FORMS, SIZE
from .readers.gguf import MAGIC
from .tensors import PendingTensor, write_elements

ALIGNMENT = 32
# Form -> (ggml's number of it, llama.cpp's number of a file that is mostly so).
_FORMS = {"F32": (0, 0), "F16": (1, 1), "Q8_0": (8, 7)}
FORMS_WRITTEN = tuple(_FORMS)
_ROWS = 1 << 20  # numbers that are packed at a time


def write_gguf(
    path: str | os.PathLike[str],
    tensors: Mapping[str, PendingTensor],
    settings: Mapping[str, Any],
    form: str = "F16",
) -> Path:
    """Writes tensors and settings to a GGUF file of version 3, whole or not at all.

    Each tensor is read, packed, written and let go of before the next one.

    Args:
        path: the file.
        tensors: name -> tensor of floats.
        settings: name -> text, truth, int (uint32), float (float32), or a list of texts or ints.
        form: "F32", "F16" or "Q8_0", of tensors with two axes or more. Rows that are not a multiple
            of 32 numbers are written as F16 in the place of Q8_0.

    Raises:
        HubError: an unknown form, or a setting of another kind.
        OSError: the file cannot be written.
    """
    if form not in _FORMS:
        raise HubError(f"GGUF is not written as {form!r}: {', '.join(_FORMS)}")
    path = Path(path)
    forms = {name: _form_of(tensor, form) for name, tensor in tensors.items()}
    known = {
        **settings,
        "general.alignment": ALIGNMENT,
        "general.file_type": _FORMS[form][1],
        "general.quantization_version": 2,
    }
    head = MAGIC + struct.pack("<IQQ", 3, len(tensors), len(known))
    for key, value in known.items():
        head += _text(key) + _setting(key, value)
    offset = 0
    for name, tensor in tensors.items():
        sizes = tensor.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        head += struct.pack("<IQ", _FORMS[forms[name]][0], offset)
        offset += -(-_bytes(tensor, forms[name]) // ALIGNMENT) * ALIGNMENT
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(head + bytes(-len(head) % ALIGNMENT))
        for name, tensor in tensors.items():
            _write(file, name, tensor, forms[name])
            file.write(bytes(-_bytes(tensor, forms[name]) % ALIGNMENT))
    return path


def q8_0(rows: np.ndarray) -> np.ndarray:
    """Packs floats (…, a multiple of 32) in blocks of 32: a scale in float16 and 32 times int8.

    Returns:
        uint8 (blocks, 34).
    """
    blocks = np.ascontiguousarray(rows, np.float32).reshape(-1, SIZE)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    with np.errstate(divide="ignore"):
        inverse = np.where(scale == 0, np.float32(0), np.float32(1) / scale)
    scaled = blocks * inverse
    # Halves go away from zero, as in C.
    levels = (np.trunc(scaled + np.copysign(np.float32(0.5), scaled))).astype(np.int8)
    return np.concatenate([scale.astype("<f2").view(np.uint8), levels.view(np.uint8)], axis=1)


def _form_of(tensor: PendingTensor, form: str) -> str:
    if len(tensor.shape) < 2:
        return "F32"
    return "F16" if form == "Q8_0" and tensor.shape[-1] % SIZE else form


def _bytes(tensor: PendingTensor, form: str) -> int:
    block = FORMS[_FORMS[form][0]]
    return math.prod(tensor.shape) // block.numbers * block.size


def _write(file: BinaryIO, name: str, tensor: PendingTensor, form: str) -> None:
    if form != "Q8_0":
        write_elements(
            file, name, tensor.cast(np.dtype({"F32": "float32", "F16": "float16"}[form]))
        )
        return
    array = tensor.read()
    rows = array.reshape(-1, array.shape[-1])
    step = max(1, _ROWS // array.shape[-1])
    for start in range(0, len(rows), step):
        file.write(q8_0(rows[start : start + step]).data)
    del array, rows
    tensor.release()


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _setting(key: str, value: Any) -> bytes:
    kind, raw = _value(key, value)
    return struct.pack("<I", kind) + raw


def _value(key: str, value: Any) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 7, struct.pack("<B", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, _text(value)
    if isinstance(value, Sequence) and value:
        parts = [_value(key, int(part) if isinstance(part, np.integer) else part) for part in value]
        kinds = {kind for kind, _ in parts}
        if len(kinds) == 1 and kinds <= {4, 6, 7, 8}:
            head = struct.pack("<IQ", kinds.pop(), len(parts))
            return 9, head + b"".join(raw for _, raw in parts)
    raise HubError(f"setting {key}: GGUF has no form for {str(value)[:80]!r}")
