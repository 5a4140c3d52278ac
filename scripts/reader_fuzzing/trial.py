"""One case: a changed file, read; and what may come of it."""

from __future__ import annotations

import dis
import random
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from .readers import SUBJECTS

MAX_SECONDS = 2.0
MAX_GROWTH = 50 << 20
_RAISES = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}
_STATUS = Path("/proc/self/status")


class Outcome(NamedTuple):
    """What came of a case: the processor's seconds, bytes grown, and what is wrong; "" for none."""

    accepted: bool
    seconds: float
    growth: int
    wrong: str = ""


def changed(name: str, seed: int, case: int, folder: Path) -> Path:
    """Makes the file of a case in an empty folder, and returns its path."""
    subject = SUBJECTS[name]
    path = subject.make(folder)
    draws = random.Random(f"{seed}/{name}/{case}")
    path.write_bytes(subject.mutate(path.read_bytes(), draws))
    return path


class Folders:
    """Folders with the valid files, made once and put back after each case."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Path, bytes]] = {}
        self._opened = tempfile.TemporaryDirectory()

    def place(self, name: str) -> tuple[Path, bytes]:
        """Returns the path of a subject's file, and the bytes that are valid."""
        if name not in self._made:
            folder = Path(self._opened.name, str(len(self._made)))
            folder.mkdir()
            path = SUBJECTS[name].make(folder)
            self._made[name] = path, path.read_bytes()
        return self._made[name]

    def close(self) -> None:
        """Removes them."""
        self._opened.cleanup()


def run(name: str, seed: int, case: int, folders: Folders) -> Outcome:
    """Reads the changed file of a case; case -1 is the valid one."""
    subject = SUBJECTS[name]
    path, whole = folders.place(name)
    draws = random.Random(f"{seed}/{name}/{case}")
    path.write_bytes(whole if case < 0 else subject.mutate(whole, draws))
    before = _peak(begin=True)
    begun, wrong, accepted = time.process_time(), "", False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            subject.read(path)
        accepted = True
    except Exception as error:
        wrong = "" if is_meant(error) else _told(error)
    seconds, growth = time.process_time() - begun, _peak() - before
    if not wrong and seconds > MAX_SECONDS:
        wrong = f"it took {seconds:.1f} s"
    if not wrong and growth > MAX_GROWTH:
        wrong = f"memory grew by {growth >> 20} MB"
    if case < 0 and not accepted:
        wrong = wrong or "the valid file is refused"
    return Outcome(accepted, seconds, growth, wrong)


def is_meant(error: BaseException) -> bool:
    """Tells whether an error is one that isozoo raises on purpose, for what a user gave it.

    That is one of the hub, or a ValueError or TypeError that a `raise` of isozoo's own raised.
    """
    from ...hub.errors import HubError

    if isinstance(error, HubError):
        return True
    if not isinstance(error, ValueError | TypeError | FileNotFoundError):
        return False
    at: TracebackType | None = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return False
    code = at.tb_frame.f_code
    package = str(Path(__file__).parents[2])
    return code.co_filename.startswith(package) and code.co_code[at.tb_lasti] in _RAISES


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    package = str(Path(__file__).parents[2])
    ours = [frame for frame in frames if frame.filename.startswith(package)]
    at = ours[-1] if ours else frames[-1]
    place = f"{Path(at.filename).name}:{at.lineno}"
    return f"{type(error).__name__} at {place}: {str(error)[:160]!r}"


def _peak(begin: bool = False) -> int:
    """The most memory that the process had since `begin`, in bytes; 0 where no system tells."""
    try:
        if begin:
            Path("/proc/self/clear_refs").write_text("5")
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmRSS" if begin else "VmHWM"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0
