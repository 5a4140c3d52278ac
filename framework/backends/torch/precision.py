"""Which arithmetic torch's products and convolutions use for float32 on CUDA.

Torch has switches for it, of the whole process, which belong to the user. Where they say something
else than isozoo's own setting, a kernel of ours sets them for as long as it runs, forwards and
backwards. Where they say the same, nothing is set, and derivatives take what then stands there. On
CPUs, and for other dtypes, nothing is asked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ... import config

# isozoo's setting -> torch's name. torch has no products of three bfloat16 parts.
_NAMES = {"float32": "ieee", "bfloat16_3x": "ieee", "tf32": "tf32"}
# What of CUDA each kind of kernel asks; a convolution that cuDNN does not take is a product.
MATMUL = ("matmul",)
CONV = ("conv", "matmul")
RNN = ("rnn", "matmul")

# Whether there is a GPU whose kernels need watching.
watched = torch.cuda.is_available()


def is_guarded(x: Any) -> bool:
    """Whether torch may round the operands of a product with `x`: float32 on CUDA, not traced."""
    return x.is_cuda and x.dtype is torch.float32 and not torch.compiler.is_compiling()


_SWITCHES: dict[str, Any] = {
    "matmul": torch.backends.cuda.matmul,
    "conv": torch.backends.cudnn.conv,  # pyright: ignore[reportAttributeAccessIssue]
    "rnn": torch.backends.cudnn.rnn,  # pyright: ignore[reportAttributeAccessIssue]
}
# What lies behind the switches; asked itself, it answers in a sixth of the time.
_getter = getattr(torch._C, "_get_fp32_precision_getter", None)


def rounds(kind: str) -> bool:
    """Whether torch's switch for a kind of kernel ("matmul", "conv", "rnn") says TF32."""
    found = _SWITCHES[kind].fp32_precision if _getter is None else _getter("cuda", kind)
    return found == "tf32"


def _agrees(kinds: tuple[str, ...], name: str) -> bool:
    wanted = name == "tf32"
    for kind in kinds:
        if rounds(kind) is not wanted:
            return False
    return True


@contextmanager
def arithmetic(name: str, kinds: tuple[str, ...] = RNN + CONV) -> Iterator[None]:
    """Within the ``with`` block, torch computes float32 in the arithmetic called `name`."""
    wanted = name == "tf32"
    changed = []
    try:
        for kind in kinds:
            if rounds(kind) is not wanted:
                switch = _SWITCHES[kind]
                changed.append((switch, switch.fp32_precision))
                switch.fp32_precision = _NAMES[name]
        yield
    finally:
        for switch, before in reversed(changed):
            switch.fp32_precision = before


def product(function: Callable[..., Any], *tensors: Any, kinds: tuple[str, ...] = MATMUL) -> Any:
    """Returns `function(*tensors)`, products in the arithmetic that is set.

    It may give a tuple, of which all tensors come from the first one's node.
    """
    if not is_guarded(tensors[0]):
        return function(*tensors)
    name = config.float32_precision()
    if _agrees(kinds, name):
        return function(*tensors)
    with arithmetic(name, kinds):
        y = function(*tensors)
    first = y[0] if isinstance(y, tuple) else y
    if first.requires_grad:
        _follow(first.grad_fn, name, {x.grad_fn for x in tensors if x is not None})
    return y


# What multiplies matrices among the nodes that one call leaves, which stand close to its result.
_MULTIPLYING = (
    "Mm", "Bmm", "Addmm", "Baddbmm", "Mv", "Dot", "ScaledDotProduct", "Convolution",
    "CudnnRnn",
)  # fmt: skip
_DEPTH = 4


def _follow(node: Any, name: str, ends: set[Any], depth: int = _DEPTH) -> None:
    """Have the derivatives of a call's products computed in the arithmetic `name`, too."""
    if node is None or node in ends or not depth:
        return
    if type(node).__name__.startswith(_MULTIPLYING):
        entered: list[Any] = []

        def before(_: Any) -> None:
            context = arithmetic(name)
            context.__enter__()
            entered.append(context)

        def after(*_: Any) -> None:
            entered.pop().__exit__(None, None, None)

        node.register_prehook(before)
        node.register_hook(after)
    for following, _ in node.next_functions:
        _follow(following, name, ends, depth - 1)


class _Convolution(torch.autograd.Function):
    """A convolution, whose derivatives are computed in the arithmetic of its result."""

    @staticmethod
    def forward(ctx, x, kernel, bias, strides, padding, dilation, groups, name):
        ctx.save_for_backward(x, kernel)
        ctx.settings = strides, padding, dilation, groups, name
        ctx.bias = None if bias is None else list(bias.shape)
        with arithmetic(name, CONV):
            return torch.ops.aten.convolution(
                x, kernel, bias, strides, padding, dilation, False, [0] * len(strides), groups
            )

    @staticmethod
    def backward(ctx, *gradients):
        x, kernel = ctx.saved_tensors
        strides, padding, dilation, groups, name = ctx.settings
        needed = list(ctx.needs_input_grad[:3])
        with arithmetic(name, CONV):
            found = torch.ops.aten.convolution_backward(
                gradients[0], x, kernel, ctx.bias, strides, padding, dilation, False,
                [0] * len(strides), groups, needed,
            )  # fmt: skip
        return (*found, None, None, None, None, None)


def convolution(
    run: Callable[..., Any],
    x: Any,
    kernel: Any,
    bias: Any,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    """Returns `run(x, kernel, ...)`, a convolution of torch's, in the arithmetic that is set."""
    name = config.float32_precision() if is_guarded(x) else ""
    if not name or _agrees(CONV, name):
        return run(x, kernel, bias, strides, padding, dilation, groups)
    if torch.is_grad_enabled() and any(
        t is not None and t.requires_grad for t in (x, kernel, bias)
    ):
        settings = list(strides), list(padding), list(dilation), groups, name
        return _Convolution.apply(x, kernel, bias, *settings)
    with arithmetic(name, CONV):
        return run(x, kernel, bias, strides, padding, dilation, groups)
