"""What the operators of foreign graphs compute, by subject."""

from importlib import import_module
from pkgutil import iter_modules

_loaded: list[str] = []


def load_rules() -> None:
    """Fills the table of rules, once. Nothing that a file says has a part in it."""
    if not _loaded:
        names = [found.name for found in iter_modules(__path__)]
        for name in names:
            import_module(f"{__name__}.{name}")
        _loaded.extend(names)
