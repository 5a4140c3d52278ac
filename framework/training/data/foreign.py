"""What an object comes from, told by its class alone: no library is imported to ask."""

from typing import Any


def is_from(x: Any, *packages: str) -> bool:
    """Returns whether the class of `x`, or one that it inherits from, is of one of `packages`."""
    return any(cls.__module__.partition(".")[0] in packages for cls in type(x).__mro__)


def inherits(x: Any, package: str, *names: str) -> bool:
    """Returns whether `x` is of a class of `package` that has one of `names`, or inherits one."""
    return any(
        cls.__name__ in names and cls.__module__.partition(".")[0] == package
        for cls in type(x).__mro__
    )


def is_sparse_matrix(x: Any) -> bool:
    """Returns whether `x` is one of SciPy's sparse arrays or matrices."""
    return is_from(x, "scipy") and hasattr(x, "tocsr")
