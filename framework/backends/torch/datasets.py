"""Datasets of `torch.utils.data`: of arrays, and parts of another dataset."""

from typing import Any

import torch
from torch.utils.data import TensorDataset, random_split


def of_arrays(arrays: Any) -> Any:
    """A dataset of the rows of arrays."""
    return TensorDataset(*(torch.from_numpy(x) for x in arrays))


def parts(dataset: Any, left: int, right: int, shuffle: bool, seed: int | None) -> Any:
    """The first samples of a dataset and the last, in a random order if they are shuffled."""
    total = len(dataset)
    if not shuffle:
        chosen = (range(left), range(total - right, total))
        return tuple(torch.utils.data.Subset(dataset, list(part)) for part in chosen)
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    rest = total - left - right
    made = random_split(dataset, [left, rest, right], generator=generator)
    return made[0], made[2]
