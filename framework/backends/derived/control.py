"""Control flow by Python's own: what runs eagerly, and on torch and NumPy always.

Kernels get flat lists of tensors and functions of them; `ops.flat` makes both of what users give.
"""

from .. import registry
from .primitives import Primitives

_MANY_LENGTHS = (
    "A while_loop inside of vmap would end after another number of rounds for each element, which "
    "the {} backend cannot do. Map over the loop with ops.map, or let a fori_loop run as long as "
    "the longest, with ops.where in it."
)


class Control(Primitives):
    """Conditions, loops and scans."""

    def static_value(self, x, imagined):
        """The value of a scalar; None if only the program that is traced will know it.

        `imagined` where the tensors are made up to find the shapes of results.
        """
        return imagined if registry.state.inferring else x.item()

    def while_loop(self, test, step, leaves, limit):
        """`leaves = step(*leaves)` while `test(*leaves)`, if `limit` is given at most so often."""
        rounds = 0
        while limit is None or rounds < limit:
            again = self.static_value(test(*leaves), False)
            if again is None:
                raise RuntimeError(_MANY_LENGTHS.format(self.name))
            if not again:
                break
            leaves = step(*leaves)
            rounds += 1
        return leaves

    def fori_loop(self, lower, upper, step, leaves):
        """`leaves = step(i, *leaves)` for i from `lower` to below `upper`."""
        for i in range(self._whole(lower), self._whole(upper)):
            leaves = step(i, *leaves)
        return leaves

    def _whole(self, x):
        return x if isinstance(x, int) else int(self.static_value(x, 0))

    def scan(self, step, carry, items, length, reverse, unroll):
        """`carry, y = step(carry, rows)` along the first axis of `items`: the last carry, all y."""
        rows = list(zip(*(self.rows(x) for x in items), strict=True)) or [()] * length
        results = []
        for row in reversed(rows) if reverse else rows:
            carry, ys = step(carry, list(row))
            results.append(ys)
        if reverse:
            results.reverse()
        return carry, [self.stack(list(ys), 0) for ys in zip(*results, strict=True)]

    def rows(self, x):
        """The parts of `x` along its first axis."""
        return [x[i] for i in range(x.shape[0])]

    def associative_scan(self, combine, leaves, axis):
        """Running results of `combine(a, b)`, which joins lists of blocks, along `axis` >= 0.

        By Blelloch's halves: combine neighbours, scan those, and fill in what lies between.
        """
        size = self.static_shape(leaves[0])[axis]
        if size < 2:
            return leaves
        pairs = combine(
            [self._part(x, axis, 0, size - 1, 2) for x in leaves],
            [self._part(x, axis, 1, size, 2) for x in leaves],
        )
        odd = self.associative_scan(combine, pairs, axis)
        before = odd if size % 2 else [self._part(x, axis, 0, size // 2 - 1) for x in odd]
        even = [self._part(x, axis, 0, 1) for x in leaves]
        if size > 2:
            rest = combine(before, [self._part(x, axis, 2, size, 2) for x in leaves])
            even = [self.concatenate([a, b], axis) for a, b in zip(even, rest, strict=True)]
        return [self._interleave(a, b, axis) for a, b in zip(even, odd, strict=True)]

    def _part(self, x, axis, start, stop, step=1):
        return self.get_item(x, (slice(None),) * axis + (slice(start, stop, step),))

    def _interleave(self, even, odd, axis):
        """even[0], odd[0], even[1], ...: `even` may have one more."""
        shape, size = self.shape(odd), self.static_shape(odd)[axis]
        left = self._part(even, axis, 0, size)
        mixed = self.reshape(
            self.stack([left, odd], axis + 1), (*shape[:axis], 2 * size, *shape[axis + 1 :])
        )
        if self.static_shape(even)[axis] == size:
            return mixed
        return self.concatenate([mixed, self._part(even, axis, size, size + 1)], axis)
