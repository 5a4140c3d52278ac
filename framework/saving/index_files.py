"""The index of weights that lie in several files: JSON from outside, of bounded size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import FileError


def read_index(path: Path, most: int) -> Any:
    """Returns what a JSON file of at most `most` bytes holds.

    Raises:
        FileError: it is larger, or is not JSON.
        OSError: it cannot be read.
    """
    if path.stat().st_size > most:
        raise FileError(path, f"an index has at most {most} bytes")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"it is not JSON: {str(error)[:120]}") from error
