"""Names of a package that are imported when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exports(
    package: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns `__getattr__` and `__dir__` for `package`.

    `names` maps each public name to the module below the package that defines it; a module that
    ends in the name itself is exported as a module.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(names[name], package)
        return module if names[name].endswith(f".{name}") else getattr(module, name)

    return get, lambda: sorted(names)


class Reference:
    """A class that is imported when the reference is called.

    Args:
        package: `__package__` of the caller.
        module: the module below the package that defines it, such as ".backbone".
        name: of the class.
    """

    def __init__(self, package: str | None, module: str, name: str) -> None:
        self.package, self.module, self.name = package or "", module, name

    def __call__(self) -> Any:
        """The class itself."""
        return getattr(import_module(self.module, self.package), self.name)

    def refers_to(self, kind: type) -> bool:
        """Tells whether `kind` is the class; nothing is imported to tell."""
        return (kind.__module__, kind.__qualname__) == (self.package + self.module, self.name)

    def __repr__(self) -> str:
        return f"Reference({self.package}{self.module}.{self.name})"
