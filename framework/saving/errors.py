"""What goes wrong with files of models: a bad file, or a file and a model that do not fit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ..file_errors import misfit, unreadable


class FileError(ValueError):
    """A file is damaged, hostile, or of a form that is not understood.

    Args:
        path: the file.
        problem: what is wrong and what was expected.
        where: the member, group or key at which it was found.
        advice: what to do next.
    """

    def __init__(
        self, path: str | os.PathLike[str], problem: str, where: str = "", advice: str = ""
    ) -> None:
        self.path, self.problem, self.where = os.fspath(path), problem, where
        super().__init__(unreadable(path, problem, where, advice))


class MismatchError(ValueError):
    """A file's weights and a model's variables do not fit: every problem is listed by its name.

    Args:
        path: the file.
        problems: heading -> one line for each weight; headings without lines are left out.
        advice: what to do next.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        problems: Mapping[str, Sequence[str]],
        advice: str = "",
    ) -> None:
        self.problems = {head: list(lines) for head, lines in problems.items() if lines}
        super().__init__(misfit(os.fspath(path), self.problems, advice))
