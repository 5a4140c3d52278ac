"""How commands print what they found: for people, or as JSON for a program."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

NO, WRONG_CALL, NOT_TO_BE_HAD, OUR_FAULT = 1, 2, 3, 4
"""Exit codes beside 0: the answer is no; a wrong call; files not to be had; isozoo failed."""


def print_json(value: Any) -> None:
    """Prints a value as JSON; what has no form there is printed as text."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_tree(value: dict[str, Any]) -> None:
    """Prints nested dicts and lists as indented lines; what is empty, or not so, is left out."""
    print("\n".join(tree(value)))


def tree(value: Any) -> list[str]:
    """Returns the lines of `print_tree`."""
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            if item in (None, "", False) or item == [] or item == {}:
                continue
            if isinstance(item, dict | list | tuple):
                lines += [f"{key}:", *(f"  {line}" for line in tree(item))]
            else:
                lines.append(f"{key}: {'yes' if item is True else item}")
        return lines
    for item in value:
        first, *rest = tree(item) if isinstance(item, dict | list | tuple) else [str(item)]
        lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


def show(value: dict[str, Any], as_json: bool) -> None:
    """Prints what a command found, as JSON or as lines."""
    (print_json if as_json else print_tree)(value)


def byte_count(text: str) -> int:
    """Reads "2GB", "500MB", "4000": a number of bytes, at least one.

    Raises argparse.ArgumentTypeError for anything else.
    """
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)?", text.strip().upper())
    count = int(float(found[1]) * units[found[2] or ""]) if found else 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: 2GB, 500MB and 4000 are some")
    return count
