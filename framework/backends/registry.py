"""Which backends there are, which one is current, and to which one a type belongs."""

import importlib.util
import threading
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from .. import config
from ..context import state as state

# In order of preference when nothing is asked for. A table of ours, never a name from a file.
BUILT_IN = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow", "numpy": "numpy"}
ENTRY_POINTS = "isozoo.backends"


_loaded: dict[str, Any] = {}
_default: dict[str, Any] = {}
_lock = threading.RLock()


class Kind:
    """A class of things that a tensor argument can be, other than a backend's own tensor."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


ARRAY = Kind("NumPy array")
SCALAR = Kind("Python scalar")
SEQUENCE = Kind("sequence")
BOX = Kind("Variable")
UNKNOWN = Kind("unknown")

# Backends in use that refuse tensors on two devices, on a machine that has more than the CPU.
accelerated: tuple[Any, ...] = ()

# type -> the backend that owns tensors of this type. Exact types; filled on first sight.
TENSORS: dict[type, Any] = {}
# type -> Kind, for everything that is no backend's tensor.
KINDS: dict[type, Kind] = {
    bool: SCALAR,
    int: SCALAR,
    float: SCALAR,
    complex: SCALAR,
    list: SEQUENCE,
    tuple: SEQUENCE,
}


def _external() -> dict[str, Any]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def known() -> tuple[str, ...]:
    """Names of all backends, installed or not."""
    return (*BUILT_IN, *(name for name in _external() if name not in BUILT_IN))


def available() -> tuple[str, ...]:
    """Names of the backends that can be used here, in order of preference."""
    built_in = tuple(n for n, m in BUILT_IN.items() if importlib.util.find_spec(m) is not None)
    return (*built_in, *(name for name in _external() if name not in BUILT_IN))


def get(name: str) -> Any:
    """The backend called ``name``, imported on first use."""
    found = _loaded.get(name)
    return found if found is not None else _load(name)


def _load(name: str) -> Any:
    with _lock:
        if name in _loaded:
            return _loaded[name]
        if name in BUILT_IN:
            if importlib.util.find_spec(BUILT_IN[name]) is None:
                raise ImportError(
                    f"The backend {name!r} needs the package {BUILT_IN[name]!r}, which is not "
                    f"installed. Install it with: pip install 'isozoo[{name}]'. "
                    f"Installed here: {', '.join(available())}."
                )
            module: ModuleType = import_module(f".{name}", __package__)
            backend = module.BACKEND
        elif name in (outside := _external()):
            backend = outside[name].load()
        else:
            raise ValueError(
                f"Unknown backend {name!r}. Known backends: {', '.join(known())}; "
                f"installed here: {', '.join(available())}."
            )
        _loaded[name] = backend
        for cls in getattr(backend, "tensor_types", ()):
            classify(cls)  # now: torch.compile cannot trace it
        if backend.has_accelerators():
            global accelerated
            accelerated = (*accelerated, backend)
        return backend


def loaded() -> tuple[Any, ...]:
    """The backends that have been used so far in this process."""
    return tuple(_loaded.values())


def set_default(name: str) -> None:
    """Make ``name`` the backend of every thread that chose none."""
    _default["backend"] = get(name)


def current() -> Any:
    """The backend of this thread: its own choice, else the process's, else the best installed."""
    found = state.backend
    return found if found is not None else _loaded[_chosen()]


def _chosen() -> str:
    """The name of what was chosen; torch.compile could not call a backend that is a constant."""
    found = config.chosen_backend.get() or _default.get("backend") or _first()
    return found.name


# What `torch.compiler.assume_constant_result` sets: torch.compile, which does not know context
# variables, asks once while it traces.
_chosen._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def _first() -> Any:
    with _lock:
        if "backend" not in _default:
            set_default(config.requested_backend() or available()[0])
        return _default["backend"]


def classify(cls: type) -> Any:
    """The backend that owns tensors of type ``cls``, or the Kind of thing that it is.

    Looks at exact types first. A new type (a tracer, a Parameter, a subclass) is asked of the
    backends in use, since a tensor of a framework that nobody imported cannot exist.
    """
    found = TENSORS.get(cls) or KINDS.get(cls)
    if found is None:
        found = _find(cls)
        table = KINDS if isinstance(found, Kind) else TENSORS
        if found is not UNKNOWN:
            table[cls] = found
    return found


def owner_of(x: Any) -> Any:
    """Returns the backend that owns `x`, or the Kind of thing that `x` is."""
    return TENSORS.get(type(x)) or classify(type(x))


def _find(cls: type) -> Any:
    root = cls.__module__.partition(".")[0]
    if root in ("numpy", "ml_dtypes"):
        return ARRAY  # a NumPy array belongs to whatever backend it meets, see `ops.dispatch`
    # A tensor can come from a framework that the user imported and isozoo has not used yet.
    for name, module in BUILT_IN.items():
        if root in (module, module + "lib") and name != "numpy":
            get(name)
    for backend in loaded():
        owner = backend.owner(cls)
        if owner is not None:
            return ARRAY if backend.name == "numpy" else owner
    for base in cls.__mro__[1:]:
        if base in TENSORS or base in KINDS:
            return TENSORS.get(base) or KINDS[base]
    return ARRAY if hasattr(cls, "__array__") else UNKNOWN
