"""Models at addresses, such as "hf://org/name": who reads and writes them is announced from above.

The framework knows no network. A package that does announces itself by an entry point of the group
"isozoo.addresses", whose name is the scheme; it is imported when such an address is first used.
"""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import Any, Protocol

ENTRY_POINTS = "isozoo.addresses"
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://.")


class Place(Protocol):
    """What reads and writes models at the addresses of a scheme."""

    @staticmethod
    def load(address: str, custom_objects: Any, compile: bool) -> Any:
        """Returns the model at an address; see `load_model` for the other arguments."""
        ...

    @staticmethod
    def save(model: Any, address: str, **options: Any) -> None:
        """Writes a model to an address, as a new version where there is one already."""
        ...


def place_of(path: Any) -> Place | None:
    """Returns what reads and writes models at an address; None for what is no address.

    Raises:
        ValueError: nothing that is installed knows the scheme.
    """
    found = _ADDRESS.match(path) if isinstance(path, str) else None
    if found is None:
        return None
    scheme = found[1]
    for point in entry_points(group=ENTRY_POINTS, name=scheme):
        return point.load()
    known = sorted({f"{point.name}://" for point in entry_points(group=ENTRY_POINTS)})
    raise ValueError(
        f"{path}: models at {scheme}:// are not known here; known are "
        f"{', '.join(known) or 'no addresses'}, and paths of files. Fetch the file first, for "
        "example by `isozoo.utils.get_file`."
    )
