"""Keras's namespace `preprocessing.image`."""

from typing import Any

from .. import utils
from ..utils.resizing import smart_resize as smart_resize

# They are those of `utils`, which is asked when they are used.
_OF_UTILS = ("array_to_img", "img_to_array", "load_img", "save_img")


def __getattr__(name: str) -> Any:
    if name not in _OF_UTILS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(utils, name)


def __dir__() -> list[str]:
    return sorted((*_OF_UTILS, "smart_resize"))
