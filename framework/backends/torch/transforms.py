"""Transforms on torch: its autograd, and `torch.func` inside of other transforms.

`torch.func` nests with everything and compiles, but refuses to let a function change tensors that
it closes over (a seed, running statistics), and costs more; so it is taken where it is needed.
"""

import itertools
import os
import threading
import warnings

import torch
import torch.utils.checkpoint
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore[reportMissingImports]

from ..derived.transforms import Transforms
from .distribution import is_spread, joined, meshes, with_others


class _Nesting(threading.local):
    def __init__(self):
        self.recorded = 0  # by autograd
        self.transformed = 0  # by torch.func


_nesting = _Nesting()


def transformed() -> bool:
    """Whether `torch.func` has been set to work on what is called now, by a kernel of this file."""
    return _nesting.transformed > 0


def _inside() -> bool:
    """Whether `torch.func` or a compiler is at work on what is called now."""
    return torch.compiler.is_compiling() or peek_interpreter_stack() is not None


def _is_outer(x) -> bool:
    """Whether a derivative by `x` is being recorded outside. A weight is where that begins."""
    return x.requires_grad and not isinstance(x, torch.nn.Parameter)


def _begun(x):
    """`x` without a history of its own, if that does not lead outside."""
    return x if _is_outer(x) or not x.requires_grad else x.detach()


class _Recorded:
    """One call of a function, recorded by autograd, nested in others of this kind."""

    def __init__(self, leaves):
        self.keeps = _nesting.recorded > 0 or any(map(_is_outer, leaves))
        self.leaves = [x if _is_outer(x) else x.detach().requires_grad_() for x in leaves]

    def call(self, function):
        _nesting.recorded += 1
        try:
            with torch.enable_grad():
                return function(*self.leaves)
        finally:
            _nesting.recorded -= 1

    def gradients(self, results, cotangents, again):
        pairs = [
            pair
            for pair in zip(results, cotangents, strict=True)
            if pair[0].requires_grad and pair[1] is not None
        ]
        found = [None] * len(self.leaves)
        if pairs:
            found = torch.autograd.grad(
                [y for y, _ in pairs],
                self.leaves,
                [c for _, c in pairs],
                allow_unused=True,
                create_graph=self.keeps,
                retain_graph=self.keeps or again,
            )
        return [
            torch.zeros_like(x) if g is None else g for x, g in zip(self.leaves, found, strict=True)
        ]

    def out(self, x):
        """A result as the caller gets it: outside of all transforms without its history."""
        return x if self.keeps else x.detach()


class TorchTransforms(Transforms):
    """Differentiation, mapping and compilation."""

    def value_and_grad(self, function, leaves):
        if _inside():
            places = tuple(range(len(leaves)))
            made = torch.func.grad_and_value(_within(function), places, has_aux=True)
            gradients, (value, others) = made(*map(_begun, leaves))
            return value, list(others), list(gradients)
        record = _Recorded(leaves)
        value, others = record.call(function)
        gradients = record.gradients([value], [torch.ones_like(value)], False)
        return record.out(value), [record.out(x) for x in others], gradients

    def loss_and_gradients(self, function, variables, states=()):
        """Runs `backward`, since the hooks of DDP and FSDP wait for gradients to arrive there.

        What stood in the parameters' `.grad` stands there again afterwards.
        """
        leaves = [v.value for v in variables]
        before = [x.grad for x in leaves]
        frozen = [x for x in leaves if not x.requires_grad]
        try:
            for x in leaves:
                x.grad = None
            for x in frozen:
                x.requires_grad_(True)
            with torch.enable_grad():
                loss, others = function()
            if loss.requires_grad:
                torch.autograd.backward(loss, inputs=leaves)
            gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in leaves]
        finally:
            for x in frozen:
                x.requires_grad_(False)
            for x, grad in zip(leaves, before, strict=True):
                x.grad = grad
        if meshes and any(map(is_spread, leaves)):
            from . import sharded

            gradients = sharded.settled(gradients, leaves)
        return loss.detach(), others, gradients

    def vjp(self, function, leaves):
        if _inside():
            leaves = map(_begun, leaves)
            made = torch.func.vjp(_within(function), *leaves, has_aux=True)
            results, pull, others = made  # pyright: ignore
            return list(results), list(others), lambda *c: list(pull(tuple(c)))
        record = _Recorded(leaves)
        results, others = record.call(function)
        outs = [record.out(y) for y in results]
        return (
            outs,
            [record.out(x) for x in others],
            lambda *cotangents: record.gradients(results, cotangents, True),
        )

    def jvp(self, function, leaves, tangents):
        results, moved, others = torch.func.jvp(  # pyright: ignore
            _within(function), tuple(leaves), tuple(tangents), has_aux=True
        )
        return list(results), list(others), list(moved)

    def custom_gradient(self, function, leaves):
        if torch.compiler.is_compiling() and transformed():
            return _linearized(function, leaves)
        results, pull = function(*leaves)
        values = [y.detach() for y in results]
        return list(_Attached.apply(pull, len(values), *values, *leaves))

    def recomputed(self, function, given, held):
        # A compiler chooses itself what to keep, and torch.func knows no hooks of saved tensors.
        if _inside() or not torch.is_grad_enabled():
            return function(given, held)
        # Without its early stop, which is an exception thrown through the function.
        with torch.utils.checkpoint.set_checkpoint_early_stop(False):
            return torch.utils.checkpoint.checkpoint(
                lambda *given: function(list(given), held), *given, use_reentrant=False
            )

    def vmap(self, function, leaves):
        mapped = torch.func.vmap(_within(function), randomness="different")
        return list(mapped(*leaves))

    def step(self, function, variables, compiled):
        return with_others(function) if joined() else function

    def jit(self, function):
        def run(*args, **kwargs):
            return function(*args, **kwargs)

        # What has been compiled, and how often, is counted by code object: each gets its own.
        run.__code__ = run.__code__.replace(co_name=f"{_name(function)}_{next(_numbers)}")
        made = []

        def call(*args, **kwargs):
            if torch.compiler.is_compiling():
                return function(*args, **kwargs)
            if not made:
                has = has_compiler()
                made.append(
                    torch.compile(run, fullgraph=True, recompile_limit=64)  # pyright: ignore
                    if has
                    else function
                )
            return made[0](*args, **kwargs)

        return call


_numbers = itertools.count()


def _name(function) -> str:
    return getattr(function, "__name__", "function")


def _within(function):
    """`function` for `torch.func`: it counts itself, and gives tuples for lists."""

    def call(*leaves):
        _nesting.transformed += 1
        try:
            out = function(*leaves)
        finally:
            _nesting.transformed -= 1
        if isinstance(out, list):
            return tuple(out)
        return (tuple(out[0]) if isinstance(out[0], list) else out[0]), tuple(out[1])

    return call


def _linearized(function, leaves):
    """A custom gradient where the compiler overlooks an autograd.Function: inside of torch.func.

    To the values comes a zero, whose derivative is the transpose of `pull`. What `pull` closes over
    is a constant to a first derivative, so that no infinity in it meets that zero.
    """
    constants = [x.detach() for x in leaves]
    results, pull = function(*(constants if _nesting.transformed == 1 else leaves))
    values = [y.detach() for y in results]
    zeros = tuple(torch.zeros_like(y) for y in values)
    _, push = torch.func.vjp(lambda *cotangents: tuple(pull(*cotangents)), *zeros)  # pyright: ignore
    steps = [
        torch.where(torch.isfinite(c), x - c, 0) for x, c in zip(leaves, constants, strict=True)
    ]
    moved = push(tuple(steps))
    return [y + torch.where(torch.isfinite(s), s, 0) for y, s in zip(values, moved, strict=True)]


class _Attached(torch.autograd.Function):
    """Values, with a function for their gradient.

    Apart from what computed them, so that what `pull` closes over keeps its own history, and the
    gradient can be differentiated in turn.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(pull, count, *tensors):
        return tuple(x.view_as(x) for x in tensors[:count])

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.pull, ctx.count = inputs[:2]

    @staticmethod
    def backward(ctx, *cotangents):
        return (None, None, *[None] * ctx.count, *ctx.pull(*cotangents))


def has_compiler() -> bool:
    """Returns whether torch can compile for the CPU; warns if not."""
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        get_cpp_compiler()
    except Exception:
        warnings.warn(
            "ops.jit and jit_compile: torch compiles with a C++ compiler, and none was found "
            f"(CXX is {os.environ.get('CXX', 'not set')}). The function runs uncompiled; install "
            "g++ or clang++ to have it compiled.",
            RuntimeWarning,
            stacklevel=5,
        )
        return False
    return True
