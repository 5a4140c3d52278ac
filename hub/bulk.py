"""A model run over all lines of a large file, by any number of processes, each line once.

The file is taken in pieces of lines. A process locks a piece, and writes its results to a file of
their own, whole or not at all; a lock goes with its process. Whoever finds all pieces there joins
them in order. So processes may die and others come at any time, with nothing said between them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..framework.files import atomic_path, try_lock, write_atomically

PIECE = 64  # lines
# Seconds between looks at pieces that other processes have under way.
_LOOK = 0.2
MAX_LINE_BYTES = 16 << 20

Run = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]


def run_lines(
    make_run: Callable[[], Run],
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    what: Mapping[str, Any],
    tell: Callable[[int, int], None] | None = None,
) -> int:
    """Writes the results for all lines of a file, as far as no other process does.

    It may be called by many processes at once, and again after any of them died; it returns when
    the results are whole.

    Args:
        make_run: returns the function of texts that gives a result for each; called once there is
            something to do.
        source: lines of text; of a ".jsonl" file each is a JSON string, or an object with "text".
        target: JSON lines, one for each of the source, in its order: {"line", "input", …}; "error"
            where a text cannot be taken.
        what: names the model and its options, as plain data: a run that goes on is of the same.
        tell: called with (how many pieces there are by now, how many there will be).

    Returns:
        How many lines have an error.

    Raises:
        ValueError: the target is there already; a run with other arguments has begun; or a line
            that is no JSON.
        OSError: a file cannot be read or written.
    """
    source, target = Path(source), Path(target)
    if target.exists():
        raise ValueError(f"{target} is there already: remove it, or choose another name for --out")
    folder = target.with_name(f"{target.name}.parts")
    digest, lines = _described(source)
    job = {"lines": lines, "sha256": digest, "piece": PIECE, **what}
    _begin(folder, job)
    count = -(-lines // PIECE)
    run: Run | None = None
    while not target.exists():
        missing = [n for n in range(count) if not _piece(folder, n).exists()]
        if tell is not None:
            tell(count - len(missing), count)
        if not missing:
            _join(folder, count, target)
            break
        done = 0
        for number in missing:
            with _Lock(folder / f"{number:08}.lock") as locked:
                if not locked or _piece(folder, number).exists() or target.exists():
                    continue
                run = run or make_run()
                _write(_piece(folder, number), _results(run, source, number))
                done += 1
            if tell is not None:
                tell(count - len(missing) + done, count)
        if not done:
            time.sleep(_LOOK)  # others have what is left
    with open(target, "rb") as file:
        return sum(b'"error": ' in line and "error" in json.loads(line) for line in file)


def read_lines(source: Path, number: int) -> list[str]:
    """Returns the texts of a piece of a file. ValueError for a line that is no JSON."""
    with open(source, "rb") as file:
        held = list(islice(file, number * PIECE, (number + 1) * PIECE))
    return [_text(source, number * PIECE + i, line) for i, line in enumerate(held)]


def _text(source: Path, number: int, line: bytes) -> str:
    where = f"{source}, line {number + 1}"
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"{where}: it has more than {MAX_LINE_BYTES} bytes")
    try:
        text = line.decode("utf-8").rstrip("\r\n")
        if source.suffix != ".jsonl":
            return text
        found = json.loads(text)
        found = found.get("text") if isinstance(found, dict) else found
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: {str(error)[:120]}") from error
    if not isinstance(found, str):
        raise ValueError(f'{where}: a JSON string, or an object with a string "text", is expected')
    return found


def _described(source: Path) -> tuple[str, int]:
    """(sha256, number of lines) of a file."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with open(source, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
    return digest.hexdigest(), lines + (last != b"\n")


def _begin(folder: Path, job: dict[str, Any]) -> None:
    """Makes the folder of pieces, or sees that it is one of the same run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.json"
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        write_atomically(path, json.dumps(job).encode())
        return
    except ValueError:
        found = None
    if found != json.loads(json.dumps(job)):
        raise ValueError(
            f"{folder} holds a run that was begun with another input, model or options: remove it, "
            "or choose another name for --out"
        )


def _piece(folder: Path, number: int) -> Path:
    return folder / f"{number:08}.jsonl"


def _results(run: Run, source: Path, number: int) -> Iterator[dict[str, Any]]:
    texts = read_lines(source, number)
    try:
        found = list(run(texts))
    except ValueError:  # one of them, or more: each by itself
        found = [_one(run, text) for text in texts]
    for place, (text, result) in enumerate(zip(texts, found, strict=True)):
        yield {"line": number * PIECE + place + 1, "input": text, **result}


def _one(run: Run, text: str) -> Mapping[str, Any]:
    try:
        return run([text])[0]
    except ValueError as error:
        return {"error": str(error)}


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _join(folder: Path, count: int, target: Path) -> None:
    """Makes the target of the pieces, unless another process does; then waits for it."""
    with _Lock(folder / "join.lock") as locked:
        if not locked:
            time.sleep(_LOOK)
            return
        if not target.exists():
            with atomic_path(target) as temporary, open(temporary, "wb") as whole:
                for number in range(count):
                    with open(_piece(folder, number), "rb") as file:
                        shutil.copyfileobj(file, whole)
        shutil.rmtree(folder, ignore_errors=True)


class _Lock:
    """The lock of a file, or False where another process has it; it ends with the process."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, None

    def __enter__(self) -> bool:
        try:
            self._file = open(self._path, "ab")  # noqa: SIM115
        except FileNotFoundError:  # all is done, and the folder gone
            return False
        return try_lock(self._file.fileno())

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()
