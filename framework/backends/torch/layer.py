"""What makes a layer created on torch a `torch.nn.Module`."""

from inspect import Parameter, Signature
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from ..native import NativeLayer
from .transforms import has_compiler

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
# Hooks on all modules there are.
_FOR_ALL = tuple(
    getattr(nn.modules.module, f"_global_{name}_hooks")
    for name in ("forward", "forward_pre", "backward", "backward_pre")
)
_tracing = torch._C._get_tracing_state
_compiling = torch.compiler.is_compiling
# Attributes of a module that copies on torch take along.
_KEPT = (
    "training",
    "_non_persistent_buffers_set",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
)


class TorchLayer(NativeLayer, nn.Module):
    """Mixed into the class of every layer that is created on torch.

    Calls go through `nn.Module.__call__`, so hooks run; weights stand in `_parameters` and
    `_buffers`, where functional calls, FSDP and `load_state_dict` expect to swap them.
    """

    # The layer's own, which this class is mixed with.
    _call_nested: Any
    _tracked: dict[str, Any]
    _policy: Any
    first_native: Any
    _set_policy: Any
    _is_symbolic: Any
    _plain_forward: bool
    touch: Any
    _cache: dict[Any, Any]

    @classmethod
    def methods_for(cls, plain: Any) -> dict[str, Any]:
        """Returns the methods that the flavoured class has itself: a `forward` like `call`."""

        # The layer's own call under another name and signature, without a frame between.
        nested = plain._call_nested
        forward = FunctionType(
            nested.__code__, nested.__globals__, "forward", nested.__defaults__, nested.__closure__
        )
        parameters = list(plain._call_signature.signature.parameters.values())
        me = Parameter("self", Parameter.POSITIONAL_ONLY)
        forward.__signature__ = Signature(  # pyright: ignore[reportFunctionMemberAccess]
            [me, *parameters] if not _has_self(parameters) else parameters
        )
        plainly = "forward" not in dir(plain)
        made: dict[str, Any] = {"_plain_forward": plainly}
        if plainly:
            made["forward"] = forward
        return made

    def _native_init(self):
        nn.Module.__init__(self)
        # Keras's default: a layer infers until it is told to train.
        vars(self)["training"] = False
        vars(self)["_foreign_views"] = {}

    def _native_call(self, *args, **kwargs):
        held = self.__dict__
        if (
            # Where nothing stands around the call, `nn.Module.__call__` is two frames for nothing.
            self._plain_forward
            and not held["_forward_hooks"]
            and not held["_forward_pre_hooks"]
            and not held["_backward_hooks"]
            and not held["_backward_pre_hooks"]
            and not any(_FOR_ALL)
            and "_compiled_call_impl" not in held
            and _tracing() is None
            and not _compiling()
        ):
            return self._call_nested(*args, **kwargs)
        hooked = self._forward_hooks or self._forward_pre_hooks
        if hooked and self._is_symbolic(args, kwargs):
            return self._call_nested(*args, **kwargs)  # there is nothing that hooks could see
        return nn.Module.__call__(self, *args, **kwargs)

    def _native_hooks(self):
        held = vars(self)
        for name in _HOOKS:
            if held[name]:
                return True
        return False

    def _restore_part(self, name, value):
        if isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter):
            self.register_buffer(name, value)
        else:
            self._native_attribute(name, value)

    def _native_training(self):
        return self.training

    def _inner(self):
        """The layers inside, itself among them."""
        found = self._cache.get("inner")
        if found is None:
            found = self._cache["inner"] = [m for m in self.modules() if isinstance(m, TorchLayer)]
        return found

    def _native_hooked(self):
        """Whether anything of torch's stands around a call of a layer inside."""
        return any(_FOR_ALL) or any(layer._native_hooks() for layer in self._inner())

    def _native_mode(self, training):
        """What `train(training)` does, which looks through all modules again at each call."""
        for layer in self._inner():
            if type(layer).train is not nn.Module.train:
                continue
            held = layer.__dict__
            held["training"] = training
            for part in held["_modules"].values():
                if part is not None and (
                    not isinstance(part, TorchLayer) or type(part).train is not nn.Module.train
                ):
                    part.train(training)

    def _native_compiled(self, step):
        """Compile the layer's call alone.

        Dynamo breaks a whole step at `backward` and compiles each helper between the breaks by
        itself: a step of one Dense layer took 40 s, and its call 3 s. The updates have kernels
        that are fused already.
        """
        if not has_compiler():
            return step
        call = torch.compile(self._call_impl)
        held = vars(self)

        def run(*args):
            before = held.get("_compiled_call_impl")
            held["_compiled_call_impl"] = call
            try:
                return step(*args)
            finally:
                held["_compiled_call_impl"] = before

        return run

    def _native_compiling(self):
        return torch.compiler.is_compiling()

    def _native_device(self):
        # What is being compiled has its devices by the tensors that come in.
        weight = None if torch.compiler.is_compiling() else self.first_native()
        return None if weight is None or weight.device.type == "cpu" else weight.device

    def _native_attribute(self, name: str, value: Any) -> bool:
        """Keep torch's own modules and parameters, as torch does."""
        if value is None or isinstance(value, torch.Tensor):
            tables = self._parameters, self._modules, self._buffers
            own = isinstance(value, nn.Parameter) or any(name in table for table in tables)
        else:
            own = isinstance(value, nn.Module)
        if own:
            vars(self).pop(name, None)
            nn.Module.__setattr__(self, name, value)  # pyright: ignore[reportArgumentType]
            if isinstance(value, nn.Module):
                # Modules are made to train, and layers not: without this a new model would be
                # evaluated with the statistics of its batch.
                value.train(self.training)
            self.touch()
            return True
        return False

    def _native_part(self, name, item):
        if item is not None:
            hold(self, name, item)
            return
        for table in (self._parameters, self._buffers, self._modules):
            table.pop(name, None)
        self._modules.pop(f"{name}{_STATES}", None)

    def _native_container(self, value):
        from .containers import module_container

        return module_container(value)

    def _native_state(self):
        foreign = {f"part {name}": value for name, value in self._foreign().items()}
        return {**{name: vars(self)[name] for name in _KEPT if vars(self).get(name)}, **foreign}

    def _foreign(self):
        """Modules, parameters and buffers that torch's own methods put here."""
        tables = (self._parameters, self._buffers, self._modules)
        pairs = (pair for table in tables for pair in table.items())
        mine = {*self._tracked, *(f"{name}{_STATES}" for name in self._tracked)}
        return {n: x for n, x in pairs if n not in mine and x is not None}

    def _foreign_slots(self):
        """Yield (path, table, key) of the tensors that no variable of ours holds."""
        for name, part in self._foreign().items():
            if not isinstance(part, nn.Module):
                table = self._parameters if name in self._parameters else self._buffers
                yield name, table, name
                continue
            for path, module in part.named_modules():
                for table in (module._parameters, module._buffers):
                    for key, tensor in table.items():
                        if tensor is not None:
                            yield ".".join(filter(None, (name, path, key))), table, key

    def _apply(self, fn, recurse=True):
        """Follow torch's own changes of dtype (`.half()`, `.to(torch.bfloat16)`)."""
        super()._apply(fn, recurse)
        dtype = getattr(torch, self._policy.variable_dtype)
        changed = fn(torch.zeros((), dtype=dtype)).dtype
        if changed != dtype:
            self._set_policy(self._policy.with_dtype(str(changed).removeprefix("torch.")))
        return self

    def to(self, *args, **kwargs):
        """Moves and casts as torch does; `memory_format=torch.contiguous_format` is for all.

        Torch itself gives formats to weights of images alone. Here kernels of products lie in
        another order than their axes, too, which `fully_shard` does not take.
        """
        super().to(*args, **kwargs)
        if kwargs.get("memory_format") is torch.contiguous_format:
            for held in (*self.parameters(), *self.buffers()):
                held.data = held.data.contiguous()
        return self

    def register_parameter(self, name, param):
        """Registers a parameter of torch's own; see `torch.nn.Module`."""
        nn.Module.register_parameter(self, name, param)
        self.touch()

    def register_buffer(self, name, tensor, persistent=True):
        """Registers a buffer of torch's own; see `torch.nn.Module`."""
        nn.Module.register_buffer(self, name, tensor, persistent)
        self.touch()

    def add_module(self, name, module):
        """Registers a module of torch's own; see `torch.nn.Module`."""
        setattr(self, name, module)

    register_module = add_module


def _has_self(parameters):
    return bool(parameters) and parameters[0].name == "self"


# What follows the attribute's name in the name of the module of an owner that is none itself.
_STATES = "_states"


class Holder(nn.Module):
    """Weights of an owner that is no module itself, such as a seed generator."""


# The module that stands for each such owner.
_modules: WeakKeyDictionary[Any, Holder] = WeakKeyDictionary()


def _module_of(item):
    """The module that stands for an owner of weights that is none itself."""
    made = _modules.get(item)
    if made is None:
        made = _modules[item] = Holder()
        for path, part in item.tracked_parts():
            hold(made, path, part)
    return made


def hold(module, key, value):
    """Registers a weight, layer or container with a module; anything else is passed over."""
    if hasattr(value, "move_to_slot"):
        value.move_to_slot(_registration(module, key))
    elif isinstance(value, nn.Module):
        module._parameters.pop(key, None)
        module._buffers.pop(key, None)
        module._modules[key] = value
    elif hasattr(value, "tracked_parts"):
        # Under a name of its own: torch looks modules up as attributes.
        module._modules[f"{key}{_STATES}"] = _module_of(value)


def _registration(module, name):
    """A function that registers a tensor; returns the table and key to read it back from."""

    def register(tensor):
        parameter = isinstance(tensor, nn.Parameter)
        table, other = module._parameters, module._buffers
        table, other = (table, other) if parameter else (other, table)
        other.pop(name, None)
        table[name] = tensor
        return table, name

    return register
