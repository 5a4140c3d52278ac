"""Every public op: one function, one docstring, one dtype rule, on every backend.

The rooms are by subject. Keras's namespaces (`ops.numpy`, `ops.nn`, `ops.linalg`, `ops.image`) are
views of them, made from the table below; ops of images stand in their namespace only.
"""

from importlib import import_module as _import_module

from .activations import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .attention import *  # noqa: F403
from .control import *  # noqa: F403
from .conversion import *  # noqa: F403
from .convolution import *  # noqa: F403
from .counting import *  # noqa: F403
from .creation import *  # noqa: F403
from .ctc import *  # noqa: F403
from .determinants import *  # noqa: F403
from .diagonals import *  # noqa: F403
from .distances import *  # noqa: F403
from .encoding import *  # noqa: F403
from .errors import BackendMismatchError as BackendMismatchError
from .errors import InvalidArgumentError as InvalidArgumentError
from .forward_mode import *  # noqa: F403
from .indexing import *  # noqa: F403
from .joining import *  # noqa: F403
from .linear_algebra import *  # noqa: F403
from .logic import *  # noqa: F403
from .losses import *  # noqa: F403
from .mathematical import *  # noqa: F403
from .nans import *  # noqa: F403
from .normalization import *  # noqa: F403
from .patches import *  # noqa: F403
from .pooling import *  # noqa: F403
from .products import *  # noqa: F403
from .programs import *  # noqa: F403
from .ranges import *  # noqa: F403
from .ranking import *  # noqa: F403
from .rearranging import *  # noqa: F403
from .reductions import *  # noqa: F403
from .scanning import *  # noqa: F403
from .segments import *  # noqa: F403
from .shaping import *  # noqa: F403
from .signal import *  # noqa: F403
from .sorting import *  # noqa: F403
from .special import *  # noqa: F403
from .statistics import *  # noqa: F403
from .vectorizing import *  # noqa: F403
from .windows import *  # noqa: F403

# Keras's namespace -> the rooms whose ops are in it; "" for those that are in none.
ROOMS = {
    "numpy": (
        "vectorizing arithmetic logic mathematical creation indexing sorting shaping products "
        "reductions nans statistics "
        "determinants counting diagonals joining ranges windows"
    ).split(),
    "nn": (
        "activations normalization convolution pooling patches attention encoding losses ctc"
    ).split(),
    "linalg": "forward_mode linear_algebra determinants".split(),
    "image": "image_color image_resize image_warp image_frames image_filter".split(),
    "": (
        "conversion signal programs special segments distances ranking control scanning rearranging"
    ).split(),
}


def public(room: str) -> dict[str, object]:
    """Returns the ops that a room defines, under all their names."""
    module = _import_module(f".{room}", __name__)
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }


def in_namespace(namespace: str) -> dict[str, object]:
    """Returns the ops of one of Keras's namespaces."""
    return {name: value for room in ROOMS[namespace] for name, value in public(room).items()}


def _all() -> list[str]:
    return [name for namespace in ROOMS if namespace != "image" for name in in_namespace(namespace)]


__all__ = ["BackendMismatchError", "InvalidArgumentError", *_all()]  # pyright: ignore

# What the rooms import for themselves came along with them, and may have an op's name.
for _namespace in ROOMS:
    globals().update(in_namespace(_namespace) if _namespace != "image" else {})
for _name, _value in list(globals().items()):
    _home = getattr(_value, "__module__", None) or ""
    if _home.startswith(f"{__name__}.") and not (_name.startswith("_") or _name in __all__):
        del globals()[_name]

from . import image as image  # noqa: E402
from . import linalg as linalg  # noqa: E402
from . import nn as nn  # noqa: E402
from . import numpy as numpy  # noqa: E402
