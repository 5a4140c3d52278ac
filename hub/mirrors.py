"""Mirrors of the hub: addresses that speak its protocol, and are asked before it.

`ISOZOO_MIRRORS` names them, with spaces between; else the file `mirrors.json` in the folder of
settings does, which `isozoo mirror add` writes.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from pathlib import Path

from ..framework.files import write_atomically
from .download import SourceFailed, check_url
from .errors import ChoiceError, HubError

MAX_MIRRORS = 16
_MAX_BYTES = 1 << 20


def settings_folder() -> Path:
    """Returns $ISOZOO_CONFIG, else $XDG_CONFIG_HOME/isozoo, else ~/.config/isozoo."""
    if named := os.environ.get("ISOZOO_CONFIG"):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".config") / "isozoo"


def mirrors() -> list[str]:
    """Returns the addresses of the mirrors, in the order in which they are asked.

    Raises:
        HubError: an address or the file is malformed.
    """
    named = os.environ.get("ISOZOO_MIRRORS")
    if named is not None:
        return [checked(url) for url in named.split()]
    return _read(_path())


def add_mirror(url: str, first: bool = False) -> list[str]:
    """Adds a mirror behind the others, or before them; returns all, in their order.

    One that is known already is moved.

    Raises:
        HubError: it is no https address (http on this machine), there are too many, or the file
            cannot be written.
    """
    url = checked(url)
    held = [one for one in _read(_path()) if one != url]
    if len(held) >= MAX_MIRRORS:
        raise HubError(f"there are {MAX_MIRRORS} mirrors already: remove one")
    return _write([url, *held] if first else [*held, url])


def remove_mirror(url: str) -> list[str]:
    """Removes a mirror; returns those that are left. HubError where it is not known."""
    held = _read(_path())
    wanted = url.rstrip("/")
    if wanted not in held:
        raise ChoiceError(f"{url} is no mirror here; there are: {', '.join(held) or 'none'}")
    return _write([one for one in held if one != wanted])


def checked(url: str) -> str:
    """Returns an address without a slash at its end. HubError where it cannot be a mirror's."""
    try:
        parts = urllib.parse.urlsplit(check_url(url))
        plain = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
    except (SourceFailed, ValueError) as error:
        raise ChoiceError(f"{url!r} cannot be a mirror: {error}") from error
    if not plain:
        raise ChoiceError(f"{url!r} cannot be a mirror: https://HOST[:PORT][/PATH] is expected")
    return url.rstrip("/")


def _path() -> Path:
    return settings_folder() / "mirrors.json"


def _read(path: Path) -> list[str]:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(_MAX_BYTES))["mirrors"]
        if not isinstance(found, list) or not all(isinstance(url, str) for url in found):
            raise ValueError("`mirrors` is no list of addresses")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise HubError(
            f"the mirrors in {path} cannot be read ({str(error)[:80]}): mend the file or delete it"
        ) from error
    return [checked(url) for url in found[:MAX_MIRRORS]]


def _write(urls: list[str]) -> list[str]:
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, (json.dumps({"mirrors": urls}, indent=2) + "\n").encode())
    except OSError as error:
        raise HubError(f"the mirrors cannot be written to {path}: {error.strerror}") from error
    return urls
