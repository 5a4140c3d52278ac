"""Folders of torch's distributed checkpoints, in the form of safetensors.

Definition: `HuggingFaceStorageWriter` (torch/distributed/checkpoint/hf_storage.py): each process
writes a file with its parts, and a header that says where they begin. torch's other form has a file
`.metadata`, which is a pickle and is not opened.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import FileError

INFO, OFFSETS = "DCP_SHARDING_INFO", "saved_offsets"
PICKLED = ".metadata"
_SUFFIX = ".safetensors"
MAX_FILES = 65536
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
}
_ADVICE = (
    "A program of torch reads it: torch.distributed.checkpoint.load into model.state_dict(), then "
    "model.save_weights. With HuggingFaceStorageWriter(path, save_distributed=True) torch writes a "
    "folder that is read here."
)


def is_torch_folder(path: Path) -> bool:
    """Returns whether a folder holds files of a distributed checkpoint of torch."""
    if not path.is_dir():
        return False
    return (path / PICKLED).is_file() or any(x.suffix == _SUFFIX for x in path.iterdir())


def arrays_in(path: Path) -> dict[str, Any]:
    """Returns what the headers in a folder say, in the form of an index's "arrays".

    Args:
        path: the folder.

    Raises:
        FileError: it holds a pickle, too many files, or one that is damaged.
    """
    files = sorted(x.name for x in path.iterdir() if x.suffix == _SUFFIX)
    if not files and (path / PICKLED).is_file():
        raise FileError(path, f"its {PICKLED} is a pickle, which can run code", advice=_ADVICE)
    if len(files) > MAX_FILES:
        raise FileError(path, f"it has more than {MAX_FILES} files")
    found: dict[str, Any] = {}
    for file in files:
        for name, shape, dtype, starts in _parts_in(path / file):
            entry = found.setdefault(name, {"shape": [0] * len(shape), "dtype": dtype, "parts": []})
            if entry["dtype"] != dtype or len(entry["shape"]) != len(shape):
                raise FileError(path / file, "another file has it in another form", name)
            ends = [a + n for a, n in zip(starts, shape, strict=True)]
            entry["shape"] = [max(pair) for pair in zip(entry["shape"], ends, strict=True)]
            entry["parts"].append([file, starts, shape])
    return found


def _parts_in(file: Path) -> Any:
    """Yields (name, shape, dtype, starts) of what a file holds."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), "np") as opened:
            names: Any = opened.keys()
            text = (opened.metadata() or {}).get(INFO, "{}")
            held = {name: opened.get_slice(name) for name in names}
            shapes = {name: (list(x.get_shape()), x.get_dtype()) for name, x in held.items()}
    except SafetensorError as error:
        raise FileError(file, f"it is not a whole safetensors file: {error}") from error
    try:
        info = json.loads(text)
        places = {name: info[name][OFFSETS] if name in info else None for name in shapes}
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise FileError(file, f"its {INFO} is malformed: {str(error)[:80]}") from error
    for name, (shape, kind) in shapes.items():
        starts: Any = [0] * len(shape) if places[name] is None else places[name]
        sound = isinstance(starts, list) and len(starts) == len(shape)
        if not sound or not all(type(n) is int and n >= 0 for n in starts):
            raise FileError(file, f"its {INFO} says no place of it", name)
        if kind not in _DTYPES:
            raise FileError(file, f"dtype {kind!r} is not known", name)
        yield name, shape, _DTYPES[kind], starts
