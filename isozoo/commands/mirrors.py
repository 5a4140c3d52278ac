"""mirror: addresses that speak the hub's protocol and are asked before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .output import print_json


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this module."""
    made = command(
        "mirror", None, "Choose mirrors of the hub, asked before it; ISOZOO_MIRRORS overrules them."
    )
    made.command(
        "list",
        _list,
        "The mirrors, in the order in which they are asked.",
        "isozoo mirror list",
    )
    adding = made.command(
        "add",
        _add,
        "Ask this mirror, too; behind the others.",
        "isozoo mirror add https://models.example.org",
    )
    adding.add_argument("url", metavar="URL", help="its address; https, or http on this machine")
    adding.add_argument("--first", action="store_true", help="before the others")
    removing = made.command(
        "remove",
        _remove,
        "Ask this mirror no more.",
        "isozoo mirror remove https://models.example.org",
    )
    removing.add_argument("url", metavar="URL", help="its address")


def _show(urls: list[str], arguments: Any) -> int:
    if arguments.json:
        print_json({"mirrors": urls})
    else:
        print("\n".join(urls) or "no mirrors")
    return 0


def _list(arguments: Any) -> int:
    from ..hub.mirrors import mirrors

    return _show(mirrors(), arguments)


def _add(arguments: Any) -> int:
    from ..hub.mirrors import add_mirror

    return _show(add_mirror(arguments.url, arguments.first), arguments)


def _remove(arguments: Any) -> int:
    from ..hub.mirrors import remove_mirror

    return _show(remove_mirror(arguments.url), arguments)
