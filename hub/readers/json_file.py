"""JSON files that say where tensors lie: read strictly, and bounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ReaderError

MAX_BYTES = 64 << 20
MAX_SHARDS = 4096


def read_strictly(path: Path, what: str) -> Any:
    """Reads a JSON file of at most 64 MiB, without doubled keys, NaN or Infinity.

    Args:
        path: of the file.
        what: what errors call it, such as "index".

    Raises:
        ReaderError: the file is not such JSON, or is nested too deeply.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            raise ReaderError(path, f"a key occurs twice in the {what}: {twice[:80]!r}")
        return found

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not allowed")

    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ReaderError(path, f"the {what} is over {MAX_BYTES} bytes")
        return json.loads(raw.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except OSError as error:
        raise ReaderError(path, f"it cannot be opened: {error.strerror}") from error
    except RecursionError as error:
        raise ReaderError(path, f"the {what} is not JSON: it is nested too deeply") from error
    except ValueError as error:
        raise ReaderError(path, f"the {what} is not JSON: {str(error)[:120]}") from error
