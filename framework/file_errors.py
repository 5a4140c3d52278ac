"""The words of what goes wrong with files: one that cannot be read, and one that does not fit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

_ADVICE = "The file is damaged or not what it claims to be: get it again from its source"


def unreadable(
    path: str | os.PathLike[str], problem: str, where: str = "", advice: str = "", kind: str = ""
) -> str:
    """Returns the message of a file that cannot be read.

    Args:
        path: the file.
        problem: what is wrong and what was expected.
        where: the member, offset or key at which it was found.
        advice: what to do next; to get the file again, if empty.
        kind: what the file is, such as "weights file".
    """
    place = f" ({where})" if where else ""
    named = f"{kind} {os.fspath(path)}" if kind else os.fspath(path)
    return f"cannot read {named}{place}: {problem}. {advice or _ADVICE}."


def misfit(subject: str, problems: Mapping[str, Sequence[str]], advice: str = "") -> str:
    """Returns the message of weights that do not fit a model.

    Args:
        subject: the file, or the model.
        problems: heading -> one line for each weight; headings without lines are left out.
        advice: what to do next.
    """
    head = f"{subject} does not fit the model; nothing was assigned."
    return "\n".join(filter(None, (head, listed(problems), advice)))


def listed(problems: Mapping[str, Sequence[str]]) -> str:
    """Returns the lines of a list of problems under their headings."""
    lines: list[str] = []
    for head, found in problems.items():
        if found:
            lines.append(f"{head} ({len(found)}):")
            lines += [f"  - {line}" for line in found]
    return "\n".join(lines)
