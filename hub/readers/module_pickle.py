"""Pickles of whole PyTorch modules, read as data: what they hold, and nothing of what they do.

`torch.save(model)` writes for each module its class by name, and its state. Here an inert stand-in
takes the place of the object: it bears the name of the class and keeps the state. The classes are
those of a fixed list; no name is ever looked up.

Definition: CPython's `Lib/pickletools.py` (NEWOBJ, BUILD); `torch/nn/modules/module.py` for the
state (`_parameters`, `_buffers`, `_modules`); the globals in files of ultralytics 8.0 to 8.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .pickle_machine import GLOBALS, Global, PickleMachine, StoredTensor

_TORCH = {
    "activation": ("SiLU", "ReLU", "LeakyReLU", "Sigmoid"),
    "batchnorm": ("BatchNorm2d",),
    "container": ("ModuleList", "Sequential"),
    "conv": ("Conv2d",),
    "linear": ("Identity",),
    "pooling": ("MaxPool2d",),
    "upsampling": ("Upsample",),
}
# Where ultralytics keeps a class; before 8.0.43 all of them stood in `ultralytics.nn.modules`.
_ULTRALYTICS = {
    "block": ("Bottleneck", "C2f", "DFL", "SPPF"),
    "conv": ("Concat", "Conv"),
    "head": ("Detect",),
}
MODULES = frozenset(
    (
        *(f"torch.nn.modules.{place} {name}" for place, names in _TORCH.items() for name in names),
        *(
            f"ultralytics.nn.modules{where} {name}"
            for place, names in _ULTRALYTICS.items()
            for name in names
            for where in (f".{place}", "")
        ),
        "ultralytics.nn.tasks DetectionModel",
        # Settings of a training, which some files keep beside the modules.
        "ultralytics.utils IterableSimpleNamespace",
        "ultralytics.yolo.utils IterableSimpleNamespace",
    )
)
"""The classes that have a stand-in, as "module name"."""
_COLLECTIONS = frozenset({"__builtin__ set", "builtins set", "torch Size"})
# Numbers of NumPy in logs of a training, and where a tensor was: passed over.
_PASSED_OVER = frozenset(
    {
        "torch device",
        "numpy dtype",
        "numpy.core.multiarray scalar",
        "numpy._core.multiarray scalar",
        "_codecs encode",
    }
)
MAX_NESTING = 32


class StandIn:
    """What stands for an object of a listed class.

    Attributes:
        name: "module name" of the class.
        state: what the object held, by the names of its attributes.
    """

    __slots__ = ("name", "state")

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: dict[Any, Any] = {}

    def parts(self, kind: str) -> dict[Any, Any]:
        """Returns the entries of `_parameters`, `_buffers` or `_modules`; {} without them."""
        found = self.state.get(kind)
        return found if isinstance(found, dict) else {}


class _PassedOver:
    """What stands for a value that nothing here needs."""


class ModulePickleMachine(PickleMachine):
    """A `PickleMachine` that takes modules of the listed classes, too, as `StandIn`s."""

    allowed = GLOBALS | MODULES | _COLLECTIONS | _PASSED_OVER

    def persistent_id(self) -> None:
        """Replaces a storage as `PickleMachine.persistent_id`; of the legacy form also a class.

        There a class of modules comes with its file and its source, which are passed over.
        """
        pid = self._top()
        if (
            isinstance(pid, tuple)
            and len(pid) == 4
            and pid[0] == "module"
            and isinstance(pid[1], Global)
            and pid[1].name in MODULES
        ):
            self._stack[-1] = pid[1]
        else:
            super().persistent_id()

    def new_object(self) -> None:
        """Replaces a module's class by a stand-in (NEWOBJ), or as `PickleMachine.new_object`."""
        cls = self._stack[-2] if len(self._stack) > 1 else None
        if not isinstance(cls, Global) or cls.name not in MODULES:
            super().new_object()
            return
        arguments, _ = self._pop(), self._pop()
        if arguments != ():
            raise self._fail("NEWOBJ is refused: only modules without arguments are known")
        self._stack.append(StandIn(cls.name))

    def reduce(self) -> None:
        """Replaces a global and its arguments as `PickleMachine.reduce`; also sets and sizes."""
        if len(self._stack) < 2 or not isinstance(function := self._stack[-2], Global):
            super().reduce()
            return
        arguments = self._top()
        if function.name in _PASSED_OVER and isinstance(arguments, tuple):
            del self._stack[-2:]
            self._stack.append(_PassedOver())
        elif function.name in _COLLECTIONS:
            if not (
                isinstance(arguments, tuple)
                and len(arguments) == 1
                and isinstance(arguments[0], list | tuple)
            ):
                raise self._fail(f"{function.name!r} is not made of one list")
            del self._stack[-2:]
            self._stack.append((*arguments[0],))
        else:
            super().reduce()

    def build(self) -> None:
        """Gives a stand-in its state (BUILD), once. ReaderError for a state that is not a dict."""
        if len(self._stack) < 2:
            super().build()
            return
        target = self._stack[-2]
        if isinstance(target, _PassedOver):
            self._pop()
        elif isinstance(target, StandIn):
            state = self._pop()
            if not isinstance(state, dict) or target.state:
                raise self._fail(f"the state of {target.name!r} is not one dict")
            target.state = state
        else:
            super().build()


_actions: dict[bytes, Callable[[Any], None]] = {
    **PickleMachine.actions,
    b"Q": ModulePickleMachine.persistent_id,
    b"\x81": ModulePickleMachine.new_object,
    b"R": ModulePickleMachine.reduce,
    b"b": ModulePickleMachine.build,
}
ModulePickleMachine.actions = _actions


def module_tensors(root: StandIn) -> Iterator[tuple[str, StoredTensor]]:
    """Yields (name, tensor) of a module's parameters and buffers, in the order of `state_dict`.

    Buffers that `_non_persistent_buffers_set` names are left out, as there. A module that occurs
    twice is entered once; modules below `MAX_NESTING` others are not entered.
    """
    entered: set[int] = set()
    waiting: list[tuple[str, StandIn, int]] = [("", root, 0)]
    while waiting:
        prefix, module, depth = waiting.pop()
        if id(module) in entered:
            continue
        entered.add(id(module))
        passing = module.state.get("_non_persistent_buffers_set")
        skipped = passing if isinstance(passing, tuple) else ()
        buffers = {k: v for k, v in module.parts("_buffers").items() if k not in skipped}
        for key, value in (*module.parts("_parameters").items(), *buffers.items()):
            if isinstance(value, StoredTensor):
                yield f"{prefix}{key}", value
        if depth < MAX_NESTING:
            waiting += [
                (f"{prefix}{key}.", inner, depth + 1)
                for key, inner in reversed(module.parts("_modules").items())
                if isinstance(inner, StandIn)
            ]
