"""Many tensors as one: kernels on bundles of tensors, which torch's `_foreach` functions share out.

An optimizer computes the same of dozens of small tensors. On a bundle of them each op is one call:
torch's multi-tensor kernel where there is one, else a loop over the tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import compress
from typing import Any

import torch

from ..registry import TENSORS
from . import placing

# Elements of a bundle on CPU, where larger tensors are bundles of their own. In one bundle of all a
# step of Adam on 15 matrices of 1024 x 1024 took 4 times as long: its intermediate results get new
# pages of memory from the system each time.
_LARGEST = 2**18
# Elements from which torch gives a tensor to several threads, but for its fused kernels, which do
# so always: where the cores have other work, a step of ten numbers waited 4 ms for its threads.
_SHARED = 2**15
_WHOLE = (torch.float32, torch.float64)


class Bundle:
    """Tensors of one dtype on one device, of any shapes."""

    __slots__ = ("dtype", "items")

    def __init__(self, items: Sequence[torch.Tensor]) -> None:
        self.items = list(items)
        self.dtype = items[0].dtype

    @property
    def ndim(self) -> int:
        """The number of axes of the first tensor."""
        return self.items[0].ndim

    @property
    def shape(self) -> torch.Size:
        """The shape of the first tensor."""
        return self.items[0].shape


class Bundles:
    """The backend that owns bundles: each kernel of torch's, of the tensors of its bundles."""

    symbolic = hosts = False
    name = "torch"

    def __init__(self, backend: Any) -> None:
        self.full_backend = backend
        self.float_types, self.stored_types = backend.float_types, backend.stored_types

    def __getattr__(self, name: str) -> Any:
        kernel = getattr(self.full_backend, name)
        if not callable(kernel):
            return kernel
        each = partial(_each, kernel)
        setattr(self, name, each)
        return each

    def dtype(self, x: Any) -> str:
        """Returns the name of the dtype of a bundle or tensor."""
        return self.full_backend.dtype(x)

    def static_shape(self, x: Any) -> tuple[int, ...]:
        """Returns the shape of a tensor, or of the first one of a bundle."""
        return tuple(x.shape)

    shape = static_shape

    def is_sparse(self, x: Any) -> bool:
        """Returns False: bundles are dense."""
        return False

    def read(self, box: Any) -> Any:
        """Returns a bundle as it is."""
        return box

    def add(self, x1: Any, x2: Any) -> Any:
        """Returns x1 + x2."""
        if type(x1) is not Bundle:
            x1, x2 = x2, x1
        return Bundle(torch._foreach_add(x1.items, _operand(x2)))

    def subtract(self, x1: Any, x2: Any) -> Any:
        """Returns x1 - x2."""
        if type(x1) is not Bundle:
            return self.add(Bundle(torch._foreach_neg(x2.items)), x1)
        if type(x2) is torch.Tensor:
            return Bundle(torch._foreach_add(x1.items, -x2))
        return Bundle(torch._foreach_sub(x1.items, _operand(x2)))

    def multiply(self, x1: Any, x2: Any) -> Any:
        """Returns x1 * x2."""
        if type(x1) is not Bundle:
            x1, x2 = x2, x1
        return Bundle(torch._foreach_mul(x1.items, _operand(x2)))

    def divide(self, x1: Any, x2: Any) -> Any:
        """Returns x1 / x2."""
        if type(x1) is not Bundle:
            return Bundle([x1 / x for x in x2.items])
        return Bundle(torch._foreach_div(x1.items, _operand(x2)))

    def maximum(self, x1: Any, x2: Any) -> Any:
        """Returns the larger of two elements."""
        if type(x1) is not Bundle or type(x2) is torch.Tensor:
            return _each(self.full_backend.maximum, x1, x2)
        return Bundle(torch._foreach_maximum(x1.items, _operand(x2)))

    def square(self, x: Any) -> Any:
        """Returns x * x."""
        return self.multiply(x, x)

    def sqrt(self, x: Any) -> Any:
        """Returns the square root."""
        return Bundle(torch._foreach_sqrt(x.items)) if type(x) is Bundle else torch.sqrt(x)

    def absolute(self, x: Any) -> Any:
        """Returns the magnitude."""
        return Bundle(torch._foreach_abs(x.items)) if type(x) is Bundle else torch.abs(x)

    def negative(self, x: Any) -> Any:
        """Returns -x."""
        return Bundle(torch._foreach_neg(x.items)) if type(x) is Bundle else torch.neg(x)

    def sign(self, x: Any) -> Any:
        """Returns -1, 0 or 1, and NaN for NaN."""
        if type(x) is Bundle and x.items[0].is_cpu:
            return Bundle(placing.on_host(self._signs, x.items))
        return _each(self.full_backend.sign, x)

    def _signs(self, items: list[torch.Tensor]) -> list[torch.Tensor]:
        total = sum(item.sum() for item in items)
        if torch.isfinite(torch.as_tensor(total)):  # there is no NaN, which torch's takes for 0
            return list(torch._foreach_sign(items))
        return [self.full_backend.sign(x) for x in items]

    # Whole steps, by torch's own kernels. Some want numbers: on a GPU, whose numbers the host would
    # have to wait for, those steps are taken op by op.

    def whole_step(self, name: str, held: Bundle) -> Any:
        """Returns the kernel `name` if there is one for a bundle, else None."""
        plain = held.dtype in _WHOLE and (name == "blend" or held.items[0].is_cpu)
        return getattr(self, name) if plain and not torch.compiler.is_compiling() else None

    def blend(self, held: Bundle, new: Bundle, weight: float) -> None:
        """Moves the tensors of a bundle towards new ones, by a share of the way."""
        torch._foreach_lerp_(held.items, new.items, weight)

    def adam_step(
        self,
        held: Bundle,
        means: Bundle,
        squares: Bundle,
        largest: Bundle | None,
        *,
        gradient: Bundle,
        learning_rate: torch.Tensor,
        steps: torch.Tensor,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> bool:
        """Takes a step of Adam after `steps` others.

        `epsilon` is added to the root of the uncorrected mean.

        Returns False, and takes none, where slots lie in another order than their tensors: the
        kernel goes through memory.
        """
        orders = [x.stride() for x in held.items]
        slots = (means, squares) if largest is None else (means, squares, largest)
        if any([x.stride() for x in slot.items] != orders for slot in slots):
            return False
        lists = [held.items, means.items, squares.items, [] if largest is None else largest.items]
        numbers = (learning_rate, steps, beta_1, beta_2, epsilon)
        placing.on_host(_adam_step, lists, gradient.items, *numbers, changes=True)
        return True

    def gradient_step(self, held: Bundle, gradient: Bundle, learning_rate: torch.Tensor) -> None:
        """Subtracts the rate times the gradient."""
        placing.on_host(_gradient_step, held.items, gradient.items, learning_rate, changes=True)

    # In place

    def set_value(self, held: Bundle, value: Any) -> None:
        """Writes values into the tensors of a bundle."""
        torch._foreach_copy_(held.items, _items(value, len(held.items)))

    def increase(self, held: Bundle, value: Any) -> None:
        """Adds values to the tensors of a bundle."""
        torch._foreach_add_(held.items, _operand(value))

    def decrease(self, held: Bundle, value: Any) -> None:
        """Subtracts values from the tensors of a bundle."""
        if type(value) is torch.Tensor:
            value = -value
            torch._foreach_add_(held.items, value)
        else:
            torch._foreach_sub_(held.items, _operand(value))


def _operand(x: Any) -> Any:
    return x.items if type(x) is Bundle else x


def _items(x: Any, count: int) -> list[Any]:
    return x.items if type(x) is Bundle else [x] * count


def _each(kernel: Any, *args: Any, **kwargs: Any) -> Any:
    """What a kernel gives for each of the tensors of bundles; of other arguments, plainly."""
    counts = [len(x.items) for x in args if type(x) is Bundle]
    if not counts:
        return kernel(*args, **kwargs)
    return Bundle([kernel(*_at(i, args), **kwargs) for i in range(counts[0])])


def _at(index: int, args: tuple) -> list[Any]:
    return [x.items[index] if type(x) is Bundle else x for x in args]


class TorchBundles:
    """Mixed into the torch backend: it has bundles."""

    bundles = True

    def __init__(self) -> None:
        super().__init__()
        # From the start: what torch compiles asks for the number of types that are known.
        TENSORS.setdefault(Bundle, Bundles(self))

    def bundle_key(self, native: torch.Tensor) -> Any:
        """Returns what tensors of one bundle have in common, and its largest size or None."""
        return (native.dtype, native.device), _LARGEST if native.is_cpu else None

    def bundle(self, natives: list[torch.Tensor]) -> Bundle:
        """Returns one tensor for many, of one `bundle_key`."""
        return Bundle(natives)


def _gradient_step(held: list[Any], gradients: list[Any], learning_rate: torch.Tensor) -> None:
    torch._foreach_add_(held, gradients, alpha=-learning_rate.item())


def _adam_step(
    lists: list[list[torch.Tensor]],
    given: list[torch.Tensor],
    learning_rate: torch.Tensor,
    steps: torch.Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    held, *slots = lists
    gradients = [
        g if g.stride() == x.stride() else torch.empty_like(x).copy_(g)
        for g, x in zip(given, held, strict=True)
    ]
    step, rate = steps.item() + 1, learning_rate.item()
    small = [x.numel() < _SHARED for x in held]
    for kernel, chosen in ((_small_adam_step, small), (_fused_adam_step, [not s for s in small])):
        if any(chosen):
            those = [list(compress(items, chosen)) for items in (held, gradients, *slots)]
            kernel(those, step, rate, beta_1, beta_2, epsilon)


def _fused_adam_step(
    lists: list[list[torch.Tensor]],
    step: float,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Takes a step of Adam with the CPU's whole kernel, which has all threads for each tensor."""
    held, gradients, means, squares, largest = lists
    torch._fused_adam_(
        held,
        gradients,
        means,
        squares,
        largest,
        [torch.tensor(step, dtype=torch.float32)] * len(held),
        lr=rate,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=0.0,
        # torch adds it to the root of the corrected mean.
        eps=epsilon / math.sqrt(1 - beta_2**step),
        amsgrad=bool(largest),
        maximize=False,
    )


def _small_adam_step(
    lists: list[list[torch.Tensor]],
    step: float,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Takes the same step of small tensors without other threads."""
    held, gradients, means, squares, largest = lists
    torch._foreach_lerp_(means, gradients, 1 - beta_1)
    torch._foreach_mul_(squares, beta_2)
    torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta_2)
    if largest:
        torch._foreach_maximum_(largest, squares)
    # `_foreach_sqrt` is shared out among all threads, however small its tensors are.
    roots = torch._foreach_pow(largest or squares, 0.5)
    torch._foreach_add_(roots, epsilon)
    rate *= math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    torch._foreach_addcdiv_(held, means, roots, -rate)
