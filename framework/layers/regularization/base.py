"""What layers that draw while training have in common."""

from ... import ops, random
from ...typing import Tensor
from ..described import Described


class Drawing(Described):
    """Base of layers that draw random numbers while training, and else hand their inputs on.

    The draws follow from the seed alone, and are the same on every backend.
    """

    supports_masking = True

    def _draw_from(self, seed: int | None, active: bool) -> None:
        """Keep the seed, and a generator of draws where there are any."""
        self.seed = seed
        if active:
            self.seed_generator = random.SeedGenerator(seed)

    def _noise(self, inputs: Tensor, mean: float, stddev: float) -> Tensor:
        """Normal draws in the shape of the inputs."""
        return random.normal(
            ops.shape(inputs), mean, stddev, self.compute_dtype, self.seed_generator
        )


def share(value: float, name: str, below_one: bool = False) -> float:
    """Returns a number from 0 to 1. ValueError for any other, and for 1 if it must lie below."""
    if not 0 <= value <= 1 or (below_one and value == 1):
        bound = "; it must lie below 1" if below_one else ""
        raise ValueError(
            f"Invalid value received for argument `{name}`. Expected a float value between 0 and "
            f"1{bound}. Received: {name}={value}"
        )
    return value
