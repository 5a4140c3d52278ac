"""Licences that restrict how weights are used: what they ask for, and that the user has agreed.

Such weights are fetched or read only after the user said so once: by `accept_licence=True`, by
`--accept-licence` on the command line, or by the environment variable ISOZOO_ACCEPT_LICENCE, which
names licences with commas between them. What was accepted is written down in the cache.
"""

from __future__ import annotations

import json
import os

from ..framework.files import write_atomically
from .cache import Cache
from .errors import HubError
from .preset import Preset

FILE = "licences.json"
VARIABLE = "ISOZOO_ACCEPT_LICENCE"
_AGPL = (
    "whoever passes on a program that uses these weights, or offers it to users over a network, "
    "must give them its whole source under the same licence"
)
_OPENRAIL = (
    "the uses that its attachment A lists are forbidden, and whoever passes on the weights, or "
    "offers what they do as a service, must pass on these restrictions"
)
TERMS = {
    "agpl-3.0": _AGPL,
    "agpl-3.0-only": _AGPL,
    "agpl-3.0-or-later": _AGPL,
    "creativeml-openrail-m": _OPENRAIL,
    "openrail": _OPENRAIL,
    "openrail++": _OPENRAIL,
}
"""Licence, in lower case -> what it asks for, in words; others restrict no use."""
_accepted: set[str] = set()  # in this process, where the cache cannot be written


class LicenceError(HubError):
    """Weights whose licence restricts their use, and that the user has not agreed to."""


def terms_of(licence: str) -> str:
    """Returns what a licence asks of whoever uses the weights; "" where it restricts no use."""
    return TERMS.get(licence.lower(), "")


def accept(licence: str, cache: Cache | None = None) -> None:
    """Writes down that the user agrees to a licence. In a cache that cannot be written, it holds
    for this process."""
    name = licence.lower()
    _accepted.add(name)
    path = (cache or Cache()).root / FILE
    held = _recorded(cache)
    if name in held:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"accepted": sorted({*held, name})}, indent=1)
        write_atomically(path, f"{content}\n".encode())
    except OSError:
        return


def is_accepted(licence: str, cache: Cache | None = None) -> bool:
    """Returns whether the user agreed to a licence, here or in the environment."""
    name = licence.lower()
    named = os.environ.get(VARIABLE, "").lower().split(",")
    return name in _accepted or name in map(str.strip, named) or name in _recorded(cache)


def check_licence(preset: Preset, accepts: bool = False, cache: Cache | None = None) -> None:
    """Raises LicenceError for a preset whose licence restricts its use, until the user agrees.

    Args:
        preset: the preset; a user's own files have no licence that is known.
        accepts: whether the user agrees now.
        cache: where agreements are written down; the user's when None.
    """
    terms = terms_of(preset.license)
    if not terms:
        return
    if accepts:
        accept(preset.license, cache)
    elif not is_accepted(preset.license, cache):
        raise LicenceError(
            f"the weights of {preset.name!r} are under {preset.license}: {terms}. If you agree, "
            f"run `isozoo pull {preset.name} --accept-licence` once, pass accept_licence=True, or "
            f"set {VARIABLE}={preset.license}."
        )


def _recorded(cache: Cache | None) -> set[str]:
    """The licences that the cache's file names; none where it is missing or malformed."""
    try:
        content = json.loads(((cache or Cache()).root / FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    held = content.get("accepted") if isinstance(content, dict) else None
    return {name for name in held if isinstance(name, str)} if isinstance(held, list) else set()
