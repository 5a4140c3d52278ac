"""How commands are declared and how a wrong call is told: the one style of all commands."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .output import WRONG_CALL

Run = Callable[[Any], int]


class _Help(argparse.HelpFormatter):
    """Wraps each paragraph, and leaves indented lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            line
            if not line or line.startswith(" ")
            else super(_Help, self)._fill_text(line, width, indent)
            for line in text.split("\n")
        )


class Parser(argparse.ArgumentParser):
    """A parser that answers a wrong call in one line, with the way out.

    Attributes:
        examples: lines that a user can type; they stand at the end of the help.
        actions: the parser of each action, where the command has some.
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **options: Any) -> None:
        options.setdefault("formatter_class", _Help)
        options.setdefault("allow_abbrev", False)  # a new option must not break a script
        super().__init__(*args, **options)
        self.examples = examples
        self.actions: dict[str, Parser] = {}
        self._group: Any = None
        if examples:
            head = "example:" if len(examples) == 1 else "examples:"
            self.epilog = "\n  ".join([head, *examples])

    def parse_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Returns the parsed arguments; what a command does not know is told by that command."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            place = self
            for level in ("command", "what"):
                place = place.actions.get(getattr(found, level, None) or "", place)
            if place._take_more(found, unknown):
                return found
            place.error(f"unknown arguments: {' '.join(unknown)}")
        return found

    def _take_more(self, found: Any, given: list[str]) -> bool:
        """Adds arguments that stand behind options to those before, where there may be several.

        argparse itself takes them all from one place of the line.
        """
        several = [a for a in self._actions if not a.option_strings and a.nargs in ("*", "+")]
        if not several or any(text.startswith("-") for text in given):
            return False
        name = several[0].dest
        setattr(found, name, [*(getattr(found, name) or ()), *given])
        return True

    def error(self, message: str) -> NoReturn:
        """Prints what is wrong in one line, and exits with WRONG_CALL."""
        self.exit(WRONG_CALL, f"{self.prog}: {_plain(message)}; see `{self.prog} --help`\n")

    def command(
        self, name: str, run: Run | None, text: str, *examples: str, answers_json: bool = True
    ) -> Parser:
        """Declares a command, or an action of a command.

        Args:
            name: what the user types.
            run: the parsed arguments -> exit code; None for a command that has actions.
            text: what it does, a sentence or two.
            *examples: whole lines, from `isozoo` on.
            answers_json: whether it has the option `--json`.
        """
        if self._group is None:
            outer = self.prog == "isozoo"
            self._group = self.add_subparsers(
                dest="command" if outer else "what",
                metavar="COMMAND" if outer else "ACTION",
                required=not outer,
                parser_class=Parser,
            )
        made = self._group.add_parser(name, help=text, description=text, examples=examples)
        self.actions[name] = made
        if run is not None:
            made.set_defaults(run=run)
        if run is not None and answers_json:
            made.add_argument("--json", action="store_true", help="print JSON for a program")
        return made

    def offline(self) -> None:
        """Adds the option `--offline`."""
        self.add_argument(
            "--offline", action="store_true", default=None, help="do not use the network"
        )


def _plain(message: str) -> str:
    """argparse's message with near matches in the place of a long list of choices."""
    found = re.fullmatch(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message)
    if found is None:
        return message
    choices = re.findall(r"[^\s,']+", found[3])
    near = difflib.get_close_matches(found[2], choices, n=3, cutoff=0.5)
    what = {"COMMAND": "command", "ACTION": "action"}.get(found[1], f"choice for {found[1]}")
    told = f"near matches: {', '.join(near)}" if near else f"there are: {', '.join(choices)}"
    return f"there is no {what} {found[2]!r}; {told}"
