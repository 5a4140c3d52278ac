"""Process-wide settings: the backend in use, the default float, the image layout."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from .context import entered, state
from .files import cache_root

# What `use_backend` chose. A context variable: asyncio's tasks, which share a thread, each have
# their own, also while they wait inside the block.
chosen_backend: ContextVar[Any] = ContextVar("chosen_backend", default=None)

_settings = {
    "floatx": "float32",
    "float32_precision": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "traceback_filtering": True,
    "interactive_logging": True,
    "flash_attention": None,
    "compilation_cache": True,
    "max_epochs": None,
    "max_steps_per_epoch": None,
}


def floatx() -> str:
    """Returns the dtype of weights and of float results of integers; ``"float32"`` unless set."""
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Sets the default float: ``"bfloat16"``, ``"float16"``, ``"float32"`` or ``"float64"``."""
    from .dtypes import FLOATS

    if value not in FLOATS:
        raise ValueError(f"floatx must be one of {', '.join(FLOATS)}; got {value!r}.")
    _settings["floatx"] = value


def epsilon() -> float:
    """Returns the small constant that keeps divisions finite (1e-7 unless set), as in Keras."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Sets the constant that ``epsilon()`` returns."""
    _settings["epsilon"] = float(value)


def image_data_format() -> str:
    """Returns ``"channels_last"`` (default) or ``"channels_first"``."""
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Sets the default layout of images: ``"channels_last"`` or ``"channels_first"``."""
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"image_data_format must be 'channels_last' or 'channels_first'; got {data_format!r}."
        )
    _settings["image_data_format"] = data_format


FLOAT32_PRECISIONS = ("float32", "bfloat16_3x", "tf32")


def float32_precision() -> str:
    """Returns how products of float32 numbers are computed here; ``"float32"`` unless chosen."""
    return state.float32_precision or _settings["float32_precision"]


def set_float32_precision(value: str) -> None:
    """Sets how matrix products and convolutions of float32 numbers are computed on accelerators.

    CPUs always compute in float32. The setting is isozoo's own: the frameworks' switches are left
    as they are. A compiled function keeps the setting under which it was compiled.

    Args:
        value: ``"float32"``: every product as exact as the dtype. ``"bfloat16_3x"``: operands in
            three parts of bfloat16 each, about 20 roundings for BERT; JAX alone has it, and for
            convolutions it is float32. ``"tf32"``: operands rounded to 10 bits, some thousand
            roundings.

    Raises:
        ValueError: another name.
    """
    _settings["float32_precision"] = checked_float32_precision(value)


@contextmanager
def use_float32_precision(value: str) -> Iterator[None]:
    """Sets the precision of float32 within the ``with`` block, in this thread only.

    See `set_float32_precision`. ValueError for an unknown name.
    """
    with entered(float32_precision=checked_float32_precision(value)):
        yield


def checked_float32_precision(value: str) -> str:
    """Returns `value` if it names a precision of float32. ValueError otherwise."""
    if value not in FLOAT32_PRECISIONS:
        raise ValueError(
            f"float32_precision must be one of {', '.join(FLOAT32_PRECISIONS)}; got {value!r}."
        )
    return value


def compilation_cache() -> Path | None:
    """Returns the folder where programs compiled for JAX are kept; None where none are kept.

    Unless set it is `compiled` in isozoo's cache (see `isozoo.hub.cache_root`).
    """
    found = _settings["compilation_cache"]
    return cache_root() / "compiled" if found is True else found


def set_compilation_cache(folder: str | os.PathLike[str] | None) -> None:
    """Says where programs compiled for JAX are kept, so that the next process starts sooner.

    They are those of `fit`, `evaluate`, `predict` and compiled inference that took a second or
    more to compile. What lies there is code: a folder that another user could write to is not
    used. A folder that JAX itself was told of (`jax_compilation_cache_dir`) goes before this one.
    PyTorch's compiler keeps a cache of its own, and TensorFlow's graphs are traced anew.

    Args:
        folder: it is made where there is none; None to keep no programs.
    """
    _settings["compilation_cache"] = None if folder is None else Path(folder).expanduser()


class _InUse:
    """What each call of a layer asks for, without a call of its own."""

    distribution: Any = None


in_use = _InUse()


def distribution() -> Any:
    """Returns the Distribution in use; None if there is none. See `isozoo.distribution`."""
    return in_use.distribution


def set_distribution(value: Any) -> None:
    """Sets the Distribution in use, or None."""
    in_use.distribution = value


def available_backends() -> tuple[str, ...]:
    """Names of the backends whose framework is installed, best first; imports none of them."""
    from .backends import registry

    return registry.available()


def backend() -> str:
    """Returns the name of the current backend of this thread."""
    from .backends import registry

    return registry.current().name


def set_backend(backend: str) -> None:
    """Makes ``backend`` the backend of all threads that have not chosen one of their own.

    Raises ValueError for an unknown name and ImportError (with the install command) when its
    framework is missing. Models that exist keep the backend under which they were created.
    """
    from .backends import registry

    registry.set_default(backend)


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Makes ``name`` the current backend within the ``with`` block, and in this thread only."""
    from .backends import registry

    backend = registry.get(name)
    if state.backend is not None:  # inside a layer's call, which nothing can suspend
        with entered(backend=backend):
            yield
        return
    before = chosen_backend.get()
    chosen_backend.set(backend)
    try:
        yield
    finally:
        chosen_backend.set(before)


def requested_backend() -> str | None:
    """Returns the backend that the environment asks for, if any.

    ``ISOZOO_BACKEND`` wins; ``KERAS_BACKEND`` is read too, so that Keras programs run unchanged.
    """
    return os.environ.get("ISOZOO_BACKEND") or os.environ.get("KERAS_BACKEND") or None


def enable_traceback_filtering() -> None:
    """Leaves the framework's own frames out of the tracebacks of errors in layers (the default)."""
    _settings["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """Shows all frames in tracebacks."""
    _settings["traceback_filtering"] = False


def is_traceback_filtering_enabled() -> bool:
    """Tells whether errors in layers and Operations come without the framework's own frames."""
    return _settings["traceback_filtering"]


def enable_interactive_logging() -> None:
    """Shows progress bars on a terminal (the default)."""
    _settings["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Shows no progress bars, but where a call asks for one."""
    _settings["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """Tells whether progress bars are shown on a terminal."""
    return _settings["interactive_logging"]


def max_epochs() -> int | None:
    """The most epochs that `fit` runs, whatever it is asked for; None for no such limit."""
    return _limit("max_epochs")


def set_max_epochs(max_epochs: int | None) -> None:
    """Limits the epochs of every `fit`, to try a program out; None lifts the limit."""
    _settings["max_epochs"] = max_epochs


def max_steps_per_epoch() -> int | None:
    """The most batches of an epoch, whatever a call asks for; None for no such limit."""
    return _limit("max_steps_per_epoch")


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limits the batches of `fit`, `evaluate` and `predict`; None lifts the limit."""
    _settings["max_steps_per_epoch"] = max_steps_per_epoch


def _limit(name: str) -> int | None:
    """A limit: what was set, else what Keras's environment variable says."""
    found = _settings[name]
    if found is None:
        found = os.environ.get(f"KERAS_{name.upper()}")
    return None if found is None else int(found)


def enable_flash_attention() -> None:
    """Let the backend choose whether attention uses a kernel that stores no weights (default)."""
    _settings["flash_attention"] = None


def disable_flash_attention() -> None:
    """Let attention layers ask for no such kernel."""
    _settings["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """False where flash attention was disabled; else None: the backend chooses."""
    return _settings["flash_attention"]


def is_nnx_enabled() -> bool:
    """Tells whether layers on JAX are Flax NNX modules: never; they are functions over pytrees."""
    return False


def enable_unsafe_deserialization() -> None:
    """Warns that there is nothing to enable: code in a file is never run.

    In Keras it lifts the safe mode of loading for the process. Here no setting does; a model whose
    file holds code is saved anew, with named functions and classes that are registered.
    """
    import warnings

    warnings.warn(
        "enable_unsafe_deserialization() has no effect: code in a file is never run. Register the "
        "classes and functions that a file names by `register_keras_serializable()`.",
        stacklevel=2,
    )
