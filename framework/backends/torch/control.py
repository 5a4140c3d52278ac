"""Control flow on torch: Python's, and inside of `torch.compile` its operators of higher order."""

import torch
from torch._higher_order_ops import scan, while_loop
from torch._subclasses.fake_tensor import FakeTensor

from ..derived.control import Control
from .transforms import transformed


class TorchControl(Control):
    """A program that is compiled cannot look at a tensor; loops of known length it unrolls."""

    def static_value(self, x, imagined):
        if torch.compiler.is_compiling():
            return None
        if isinstance(x, FakeTensor):
            return imagined
        try:
            return x.item()
        except RuntimeError:
            if transformed():  # under vmap it has many values
                return None
            raise

    def cond(self, pred, true_fn, false_fn):
        return self.switch(torch.where(pred, 0, 1), (true_fn, false_fn))

    def switch(self, index, branches):
        # Called here to learn what they return, which in the compiled condition leaves no trace;
        # the compiler drops the results.
        results = [branch() for branch in branches]
        if transformed():  # torch.cond does not go through torch.func
            return self._picked(index, results)
        chosen = _fresh(branches[-1].silent)
        for i in range(len(branches) - 2, -1, -1):
            chosen = _either(index == i, _fresh(branches[i].silent), chosen)
        return list(chosen())

    def _picked(self, index, results):
        if len({tuple((x.dtype, x.shape) for x in xs) for xs in results}) > 1:
            return results[0]  # the caller says what is wrong
        chosen = results[-1]
        for i in range(len(results) - 2, -1, -1):
            pairs = zip(results[i], chosen, strict=True)
            chosen = [torch.where(index == i, x, y) for x, y in pairs]
        return chosen

    def while_loop(self, test, step, leaves, limit):
        if not torch.compiler.is_compiling():
            return super().while_loop(test, step, leaves, limit)
        if limit is None:
            return list(while_loop(test, _fresh(step), tuple(leaves)))
        counted = while_loop(
            lambda n, *c: (n < limit) & test(*c),
            lambda n, *c: (n + 1, *_fresh(step)(*c)),
            (torch.zeros((), dtype=torch.int32), *leaves),
        )
        return list(counted[1:])

    def fori_loop(self, lower, upper, step, leaves):
        if isinstance(lower, int) and isinstance(upper, int) or not torch.compiler.is_compiling():
            return super().fori_loop(lower, upper, step, leaves)
        first = torch.as_tensor(lower, dtype=torch.int32)
        looped = while_loop(
            lambda i, *c: i < upper, lambda i, *c: (i + 1, *_fresh(step)(i, *c)), (first, *leaves)
        )
        return list(looped[1:])

    def scan(self, step, carry, items, length, reverse, unroll):
        # A program that is exported for any length keeps the loop; others have each step by itself.
        if not items or not _is_open(items[0].shape[0]):
            return super().scan(step, carry, items, length, reverse, unroll)

        # Called here to learn what it returns, as in `switch`.
        step(list(carry), [x[0] for x in items])
        silent = getattr(step, "silent", step)

        def turn(carry, rows):
            carry, ys = silent(list(carry), list(rows))
            return [x.clone() for x in carry], [y.clone() for y in ys]

        # A tensor that is carried twice would be taken for one that stays the same.
        carry, ys = scan(turn, [x.clone() for x in carry], [*items], reverse=reverse)
        return list(carry), list(ys)

    def rows(self, x):
        return x.unbind(0)


def _is_open(size):
    """Whether a program is traced in which a size is not known."""
    return isinstance(size, torch.SymInt) and torch.compiler.is_exporting()


def _either(pred, first, second):
    return lambda: torch.cond(pred, first, second, ())


def _fresh(function):
    """What a compiled operator returns may not be a tensor that it was given."""
    return lambda *leaves: tuple(x.clone() for x in function(*leaves))
