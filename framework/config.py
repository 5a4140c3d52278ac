"""Process-wide settings: the backend in use, the default float, the image layout."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_settings = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


def floatx() -> str:
    """The dtype of weights and of float results of integers; ``"float32"`` unless set."""
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float: ``"bfloat16"``, ``"float16"``, ``"float32"`` or ``"float64"``."""
    from .dtypes import FLOATS

    if value not in FLOATS:
        raise ValueError(f"floatx must be one of {', '.join(FLOATS)}; got {value!r}.")
    _settings["floatx"] = value


def epsilon() -> float:
    """The small constant that keeps divisions finite (1e-7 unless set), as in Keras."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Set the constant that ``epsilon()`` returns."""
    _settings["epsilon"] = float(value)


def image_data_format() -> str:
    """``"channels_last"`` (default) or ``"channels_first"``."""
    return _settings["image_data_format"]


def set_image_data_format(value: str) -> None:
    """Set the default layout of images: ``"channels_last"`` or ``"channels_first"``."""
    if value not in ("channels_last", "channels_first"):
        raise ValueError(
            f"image_data_format must be 'channels_last' or 'channels_first'; got {value!r}."
        )
    _settings["image_data_format"] = value


def available_backends() -> tuple[str, ...]:
    """Names of the backends whose framework is installed, best first; imports none of them."""
    from .backends import registry

    return registry.available()


def backend() -> str:
    """The name of the current backend of this thread."""
    from .backends import registry

    return registry.current().name


def set_backend(name: str) -> None:
    """Make ``name`` the backend of all threads that have not chosen one of their own.

    Raises ValueError for an unknown name and ImportError (with the install command) when its
    framework is missing. Models that exist keep the backend under which they were created.
    """
    from .backends import registry

    registry.set_default(name)


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Within the ``with`` block, and in this thread only, ``name`` is the current backend."""
    from .backends import registry

    state = registry.state
    before = state.backend
    state.backend = registry.get(name)
    try:
        yield
    finally:
        state.backend = before


def requested_backend() -> str | None:
    """The backend that the environment asks for (``ISOZOO_BACKEND``), if any."""
    return os.environ.get("ISOZOO_BACKEND") or None
