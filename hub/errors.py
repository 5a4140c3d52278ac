"""The errors of the hub: each says what was wrong, where, what was expected, what to do next."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable, Sequence

from ..framework.file_errors import misfit, unreadable


class HubError(Exception):
    """Root of every error that `isozoo.hub` raises on purpose."""


class ChoiceError(HubError):
    """What was asked for is no choice that there is: a layout, a dtype, a form of a name."""


class UnknownPresetError(HubError):
    """No preset, folder or repository goes by this name, or it has no such task.

    Args:
        name: what the user asked for.
        known: names that exist, to find near matches among.
        hint: one more sentence, such as the form a name may take.
        problem: what is wrong, where it is not that no preset has the name.
    """

    def __init__(
        self, name: str, known: Iterable[str] = (), hint: str = "", problem: str = ""
    ) -> None:
        self.name = name
        self.matches: list[str] = difflib.get_close_matches(name, list(known), n=5, cutoff=0.5)
        text = problem or f"there is no preset called {name!r}"
        if self.matches:
            text += "; near matches: " + ", ".join(self.matches)
        hint = hint or (
            "a preset's name (see `isozoo list`), `hf://org/name[@revision]`, "
            "or the path of a local folder is expected"
        )
        super().__init__(f"{text}. {hint[0].upper()}{hint[1:]}.")


class SourcesExhaustedError(HubError):
    """Every source of a preset was tried and none gave its files.

    Args:
        preset: the preset's name.
        tried: (source, why it failed) in the order they were tried.
        ways_out: what the user can do, one sentence each.
    """

    def __init__(
        self, preset: str, tried: Sequence[tuple[str, str]], ways_out: Sequence[str]
    ) -> None:
        self.preset = preset
        self.tried = list(tried)
        self.ways_out = list(ways_out)
        lines = [f"no source gave the files of preset {preset!r}. Tried:"]
        lines += [f"  - {source}: {reason}" for source, reason in self.tried] or ["  - (nothing)"]
        if self.ways_out:
            lines.append("Ways out:")
            lines += [f"  - {way}" for way in self.ways_out]
        super().__init__("\n".join(lines))


class IntegrityError(HubError):
    """Bytes are not those that were promised.

    Args:
        what: the file, and where it came from.
        quantity: what was compared ("sha256", "size in bytes", "git blob sha1", ...).
        expected: the promised value.
        got: the value found.
        advice: what to do next.
    """

    def __init__(
        self, what: str, quantity: str, expected: object, got: object, advice: str = ""
    ) -> None:
        self.quantity, self.expected, self.got = quantity, expected, got
        advice = advice or (
            "The file was not kept. Fetch it again; if this repeats, the source is damaged "
            "or has been tampered with"
        )
        super().__init__(f"{what}: {quantity} is {got}, expected {expected}. {advice}.")


class ReaderError(HubError):
    """A weights file is damaged, hostile, or of a form that is not understood.

    Args:
        path: the file.
        problem: what is wrong and what was expected.
        where: the offset or key at which it was found.
        advice: what to do next.
    """

    def __init__(
        self, path: str | os.PathLike[str], problem: str, where: str = "", advice: str = ""
    ) -> None:
        self.path, self.problem, self.where = os.fspath(path), problem, where
        super().__init__(unreadable(path, problem, where, advice, "weights file"))


class WeightsError(HubError):
    """A weights file and a model do not fit: every problem is listed, each by name.

    Args:
        subject: which file (or which model) this is about.
        problems: heading -> one line for each tensor.
        advice: what to do next.
    """

    def __init__(self, subject: str, problems: dict[str, list[str]], advice: str = "") -> None:
        self.problems = {head: list(lines) for head, lines in problems.items() if lines}
        super().__init__(misfit(subject, self.problems, advice))


class CacheError(HubError):
    """The cache folder cannot be written or read: read-only, full, or not a folder.

    Args:
        path: the file or folder concerned.
        problem: what went wrong.
        advice: what to do next.
    """

    def __init__(self, path: str | os.PathLike[str], problem: str, advice: str = "") -> None:
        self.path = os.fspath(path)
        advice = advice or (
            "set ISOZOO_CACHE to a folder that can be written and has room, or free some space"
        )
        super().__init__(f"cache at {self.path}: {problem}. To go on, {advice}.")

    @classmethod
    def from_os_error(cls, path: str | os.PathLike[str], error: OSError) -> CacheError:
        """Returns the CacheError that explains an OSError met while writing `path`."""
        problems = {
            errno.ENOSPC: "the disk is full (nothing half-written was left)",
            errno.EDQUOT: "the disk quota is used up (nothing half-written was left)",
            errno.EROFS: "it lies on a read-only file system",
            errno.EACCES: "permission denied: it cannot be written by this user",
            errno.EPERM: "permission denied: it cannot be written by this user",
            errno.ENOTDIR: "a part of this path is a file, not a folder",
        }
        problem = problems.get(error.errno or 0) or f"{error.strerror or error}"
        return cls(path, problem)
