"""Every public op: one function, one docstring, one dtype rule, on every backend."""

from types import ModuleType as _Module

from .arrays import *  # noqa: F403
from .dispatch import BackendMismatchError as BackendMismatchError
from .elementwise import *  # noqa: F403
from .nn import *  # noqa: F403
from .programs import *  # noqa: F403
from .reductions import *  # noqa: F403


def _is_public(name: str, value: object) -> bool:
    """Whether a name is an op, and not something that the modules above import for themselves."""
    home = getattr(value, "__module__", None) or ""
    ours = home.startswith(f"{__name__}.") and not home.endswith(".dispatch")
    return ours and not name.startswith("_")


def _is_own_module(value: object) -> bool:
    return isinstance(value, _Module) and value.__name__.startswith(f"{__name__}.")


__all__ = [name for name, value in globals().items() if _is_public(name, value)]  # pyright: ignore
__all__ += ["BackendMismatchError"]

for _name, _value in list(globals().items()):
    if not (_name.startswith("_") or _name in __all__ or _is_own_module(_value)):
        del globals()[_name]
