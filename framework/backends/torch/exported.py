"""Modules as data: the program that `torch.export` finds in one, its names and its numbers.

What is exported is the module as it infers. Two things that only training knows stay in the
program: a batch normalization carries its momentum and the names of its running statistics, and
dropout is kept as an operator of its own (`isozoo::dropout`), which torch would leave out.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils import _pytree as pytree

# Operators that stay whole, where their parts would say the same in many more nodes.
_KEPT = frozenset(
    "_softmax _log_softmax adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "adaptive_max_pool2d avg_pool1d celu conv1d conv2d conv3d conv_transpose1d conv_transpose2d "
    "conv_transpose3d einsum elu gelu glu group_norm hardsigmoid hardswish hardtanh layer_norm "
    "leaky_relu linear log_softmax logsumexp matmul mish pad pixel_shuffle pixel_unshuffle prelu "
    "rms_norm scaled_dot_product_attention silu softmax softplus upsample_bicubic2d "
    "upsample_bilinear2d upsample_nearest2d upsample_nearest1d upsample_linear1d "
    "_upsample_bicubic2d_aa _upsample_bilinear2d_aa roll".split()
)
# What says where and how a tensor lies, and nothing of its values.
_PLACES = frozenset("device layout memory_format pin_memory non_blocking".split())
# What only checks, and gives nothing.
_CHECKS = frozenset(
    "_assert_async _assert_scalar _assert_tensor_metadata sym_constrain_range "
    "sym_constrain_range_for_size".split()
)


class Row(NamedTuple):
    """One operation of a program.

    Attributes:
        domain: whose operator it is: "aten", "isozoo" or "python".
        op: the operator with its overload, such as "add.Tensor".
        inputs: names of values.
        outputs: names of values; "" for one that nobody uses.
        arguments: what it is called with, in the schema's order; "%0" stands for the first input.
        keywords: arguments by name.
    """

    domain: str
    op: str
    inputs: list[str]
    outputs: list[str]
    arguments: list[Any]
    keywords: dict[str, Any]


class Place(NamedTuple):
    """An input or output: its name, and the dtype and sizes (None for free ones) of its values."""

    name: str
    dtype: str | None
    shape: list[int | str | None] | None


class Held(NamedTuple):
    """A tensor of the module.

    Attributes:
        array: its numbers.
        trainable: whether training changes it.
        stored: whether the module's state has it, under its name.
    """

    array: np.ndarray
    trainable: bool
    stored: bool


@dataclass
class Exported:
    """A program as data.

    Attributes:
        inputs: what it is called with.
        outputs: label -> name of the value.
        rows: its operations in order.
        held: name -> parameter, buffer or constant.
        tied: name -> the name that has the same tensor.
    """

    inputs: list[Place] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)


def exported(module: Any, args: Any, kwargs: Any, dynamic_shapes: Any) -> Exported:
    """Returns the program of a module's call, as it infers.

    Args:
        module: a `torch.nn.Module`.
        args: positional arguments of the call.
        kwargs: arguments by name.
        dynamic_shapes: which sizes stay free, as `torch.export.export` takes it; the first axis of
            each tensor when None, where the module allows it.

    Raises:
        TypeError: it is no module.
        RuntimeError: torch cannot export it.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"a torch.nn.Module is expected; got {type(module).__name__}")
    args, kwargs = tuple(args), dict(kwargs or {})
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        named = _named_keywords(module, kwargs)
        with warnings.catch_warnings(), quiet(), torch.no_grad(), named:
            warnings.simplefilter("ignore")
            program = _program(module, args, kwargs, dynamic_shapes)
    finally:
        for part, training in modes:
            part.training = training
    return _Reader(program, module).read()


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's notes about sizes that a module does not leave free, and its converter's."""
    import logging

    notes = [logging.getLogger(name) for name in ("torch", "onnx_ir", "onnxscript")]
    levels = [one.level for one in notes]
    for one in notes:
        one.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for one, level in zip(notes, levels, strict=True):
            one.setLevel(level)


@contextmanager
def _named_keywords(module: Any, kwargs: dict[str, Any]) -> Iterator[None]:
    """Names what a module takes by `**kwargs`, of which torch.export leaves no size free."""
    signature = inspect.signature(module.forward)
    taken = [p for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD]
    more = [name for name in kwargs if name not in {p.name for p in taken}]
    if len(taken) == len(signature.parameters) or not more:
        yield
        return
    forward, own = module.forward, vars(module).get("forward")

    def call(*args: Any, **kwargs: Any) -> Any:
        return forward(*args, **kwargs)

    only = inspect.Parameter.KEYWORD_ONLY
    taken += [inspect.Parameter(name, only) for name in more]
    call.__signature__ = signature.replace(parameters=taken)  # pyright: ignore[reportFunctionMemberAccess]
    module.forward = call
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


def _program(module: Any, args: Any, kwargs: Any, dynamic_shapes: Any) -> Any:
    from torch.fx.experimental import _config as symbols

    if dynamic_shapes is None:
        dynamic_shapes = pytree.tree_map(_free_batch, _by_name(module, args, kwargs))
    try:
        # A size of one would be taken for a constant otherwise.
        with symbols.patch(backed_size_oblivious=True):  # pyright: ignore[reportAttributeAccessIssue]
            program = torch.export.export(
                module, args, kwargs, dynamic_shapes=dynamic_shapes, strict=False
            )
            _keep_dropout(program.graph_module)
            table = torch.export.default_decompositions()
            for known in list(table):
                if known._schema.name.split("::")[-1] in _KEPT:  # pyright: ignore
                    table.pop(known)
            return program.run_decompositions(table)
    except Exception as error:  # torch has many kinds for what it cannot follow
        raise RuntimeError(
            f"torch.export cannot follow {type(module).__name__}: {_first_lines(error)}"
        ) from error


def _first_lines(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines[:3])[:600] or type(error).__name__


def _by_name(module: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments of a call by the names of the module's parameters; *args in a tuple."""
    return dict(inspect.signature(module.forward).bind(*args, **kwargs).arguments) | {}


def _free_batch(x: Any) -> Any:
    if isinstance(x, torch.Tensor) and x.ndim:
        return {0: torch.export.Dim.AUTO}
    return None


# Dropout ----------------------------------------------------------------------------------------

_library: list[Any] = []


def _dropout_op() -> Any:
    """An operator that does nothing, and stands where units are dropped in training."""
    if not _library:
        library = torch.library.Library("isozoo", "FRAGMENT")  # noqa: TOR901 - kept for good
        library.define("dropout(Tensor x, float p) -> Tensor")
        library.impl("dropout", lambda x, p: x.clone(), "CompositeExplicitAutograd")
        _library.append(library)
    return torch.ops.isozoo.dropout.default


def _keep_dropout(graph_module: Any) -> None:
    dropped = (torch.ops.aten.dropout.default, torch.ops.aten.dropout_.default)
    for part in graph_module.modules():
        for node in getattr(part, "graph", torch.fx.Graph()).nodes:
            if node.op == "call_function" and node.target in dropped:
                node.target, node.args, node.kwargs = _dropout_op(), node.args[:2], {}


# Reading ----------------------------------------------------------------------------------------


class _Reader:
    """Writes down one ExportedProgram."""

    def __init__(self, program: Any, module: Any) -> None:
        self.program, self.module = program, module
        self.made = Exported()
        self.names: dict[str, str] = {}
        self.taken: set[str] = set()
        self.symbols: dict[str, str] = {}

    def read(self) -> Exported:
        signature, graph = self.program.graph_signature, self.program.graph
        if signature.user_inputs_to_mutate:
            changed = [*signature.user_inputs_to_mutate.values()]
            raise RuntimeError(
                f"{type(self.module).__name__} writes to {', '.join(map(str, changed[:4]))} when "
                "it is called: an input, which a graph cannot change"
            )
        self._tensors(signature)
        inner: dict[str, Any] = dict(signature.inputs_to_parameters)
        inner |= dict(signature.inputs_to_buffers)
        inner |= dict(signature.inputs_to_lifted_tensor_constants)
        given = {
            spec.arg.name
            for spec in signature.input_specs
            if spec.kind.name == "USER_INPUT" and hasattr(spec.arg, "name")
        }
        for node in graph.nodes:
            if node.op == "placeholder":
                if node.name in inner:
                    path: str = inner[node.name]
                    self.names[node.name] = self.made.tied.get(path) or path
                elif node.name in given and isinstance(node.meta.get("val"), torch.Tensor):
                    self._input(node)
        self._outputs(signature)
        self._rows(graph)
        for name, path in signature.buffers_to_mutate.items():
            kept = self.made.tied.get(path) or path
            row = Row("isozoo", "assign", [self.names[name]], [], ["%0"], {"to": kept})
            self.made.rows.append(row)
        self._drop_unused()
        return self.made

    def _tensors(self, signature: Any) -> None:
        """Parameters, buffers and constants; each tensor once."""
        program = self.program
        known: dict[int, str] = {}
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        buffers = dict(self.module.named_buffers(remove_duplicate=False))
        stored = set(self.module.state_dict(keep_vars=True))
        stored |= {*signature.buffers_to_mutate.values()}  # what changes is no constant
        constants = {
            str(path): program.constants[path]
            for path in signature.inputs_to_lifted_tensor_constants.values()
        }
        for path, tensor in {**parameters, **buffers, **constants}.items():
            key = id(tensor)
            if key in known:
                self.made.tied[path] = known[key]
                continue
            known[key] = path
            trains = path in parameters and tensor.requires_grad
            self.made.held[path] = Held(_array(tensor), trains, path in stored)
            self.taken.add(path)

    def _own_name(self, name: str) -> str:
        made, number = name, 1
        while made in self.taken:
            made = f"{name}_{number}"
            number += 1
        self.taken.add(made)
        return made

    def _input(self, node: Any) -> None:
        value = node.meta["val"]
        name = self.names[node.name] = self._own_name(node.name)
        shape = [self._size(n, place) for place, n in enumerate(value.shape)]
        self.made.inputs.append(Place(name, _dtype(value.dtype), shape))

    def _size(self, n: Any, place: int) -> int | str | None:
        if isinstance(n, int):
            return n
        text = str(n)
        if not text.isidentifier():
            return None  # a formula of others
        if text not in self.symbols:
            taken = set(self.symbols.values())
            self.symbols[text] = (
                "batch" if not place and "batch" not in taken else f"size_{len(taken)}"
            )
        return self.symbols[text]

    def _outputs(self, signature: Any) -> None:
        """Gives the values that are outputs the labels by which the module gives them."""
        specs = [s for s in signature.output_specs if s.kind.name == "USER_OUTPUT"]
        labels = _labels(self.program.call_spec.out_spec, len(specs))
        for label, spec in zip(labels, specs, strict=True):
            name = getattr(spec.arg, "name", None)
            if not isinstance(name, str) or not name:
                continue  # None, or a number
            if not hasattr(spec.arg, "value"):
                self.made.outputs[label] = name
        for label, name in self.made.outputs.items():
            if name not in self.names:
                self.names[name] = self._own_name(label)
        self.made.outputs = {label: self.names[name] for label, name in self.made.outputs.items()}

    # Operations -------------------------------------------------------------------------------

    def _rows(self, graph: Any) -> None:
        for node in graph.nodes:
            if node.op != "call_function":
                if node.op not in ("placeholder", "output"):
                    raise RuntimeError(f"the program has a node of the kind {node.op!r}")
                continue
            if node.target is operator.getitem and _gives_several(node.args[0]):
                continue  # an output of the node before
            domain, op = _operator(node.target)
            if op.partition(".")[0] in _CHECKS:
                continue
            inputs: list[str] = []
            arguments, keywords = self._given(node, inputs)
            outputs = self._results(node)
            self.made.rows.append(Row(domain, op, inputs, outputs, arguments, keywords))

    def _results(self, node: Any) -> list[str]:
        if not _gives_several(node):
            return [self._name(node)]
        found = [""] * len(node.meta["val"])
        for user in node.users:
            if user.target is operator.getitem:
                if found[user.args[1]]:
                    self.names[user.name] = found[user.args[1]]
                else:
                    found[user.args[1]] = self._name(user)
        return found

    def _name(self, node: Any) -> str:
        if node.name not in self.names:
            self.names[node.name] = self._own_name(node.name)
        return self.names[node.name]

    def _given(self, node: Any, inputs: list[str]) -> tuple[list[Any], dict[str, Any]]:
        keywords = {k: v for k, v in node.kwargs.items() if k not in _PLACES}
        arguments = list(node.args)
        schema = getattr(node.target, "_schema", None)
        if schema is not None:  # a positional argument that was given by its name
            for wanted in schema.arguments[len(arguments) :]:
                if wanted.kwarg_only or wanted.name not in keywords:
                    break
                arguments.append(keywords.pop(wanted.name))
        return (
            [self._plain(x, inputs) for x in arguments],
            {k: self._plain(v, inputs) for k, v in keywords.items() if v is not None},
        )

    def _plain(self, x: Any, inputs: list[str]) -> Any:
        if isinstance(x, torch.fx.Node):
            name = self._name(x)
            if name not in inputs:
                inputs.append(name)
            return f"%{inputs.index(name)}"
        if isinstance(x, list | tuple):
            return [self._plain(part, inputs) for part in x]
        if isinstance(x, torch.dtype):
            return _dtype(x)
        if isinstance(x, bool | int | float) or x is None:
            return x
        if isinstance(x, str):
            if x.startswith("%"):
                raise RuntimeError(f"the program has the text {x!r}, which stands for an input")
            return x
        if isinstance(x, torch.device | torch.layout | torch.memory_format):
            return None
        raise RuntimeError(f"the program has an argument of {type(x).__name__}: {x!r:.80}")

    def _drop_unused(self) -> None:
        needed, kept = set(self.made.outputs.values()), []
        for row in reversed(self.made.rows):
            if needed.intersection(row.outputs) or not row.outputs:
                needed.update(row.inputs)
                outputs = [name if name in needed else "" for name in row.outputs]
                kept.append(row._replace(outputs=outputs))
        self.made.rows = kept[::-1]
        self.made.held = {
            path: held for path, held in self.made.held.items() if held.stored or path in needed
        }


def _gives_several(node: Any) -> bool:
    return isinstance(node.meta.get("val"), list | tuple)


def _operator(target: Any) -> tuple[str, str]:
    schema = getattr(target, "_schema", None)
    if schema is not None:
        domain, _, name = schema.name.partition("::")
        return domain, f"{name}.{schema.overload_name}" if schema.overload_name else name
    return "python", getattr(target, "__name__", str(target))


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _array(tensor: Any) -> np.ndarray:
    # A copy: on torch a model keeps the memory that it is given, and the module has its own.
    found = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
    if found.dtype == torch.bfloat16:
        import ml_dtypes

        return found.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return found.numpy()


def _labels(spec: Any, count: int) -> list[str]:
    """Names of a call's results: keys of dicts and fields, with dots between them, or numbers."""
    tree = pytree.tree_unflatten(list(range(count)), spec)
    found: dict[int, str] = {}

    def walk(x: Any, path: tuple[str, ...]) -> None:
        if isinstance(x, int):
            found[x] = ".".join(path)
        elif isinstance(x, dict):
            for key, part in x.items():
                walk(part, (*path, str(key)))
        elif hasattr(x, "_fields"):
            for key in x._fields:
                walk(getattr(x, key), (*path, key))
        elif isinstance(x, list | tuple):
            for number, part in enumerate(x):
                walk(part, (*path, str(number)))
        elif hasattr(x, "__dict__"):
            for key, part in vars(x).items():
                walk(part, (*path, key))

    walk(tree, ())
    return [_label(found.get(number, str(number))) for number in range(count)]


def _label(path: str) -> str:
    if not path:
        return "output"
    return f"output_{path}" if path[0].isdigit() else path
