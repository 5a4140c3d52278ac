"""`isozoo.datasets` is `isozoo.hub.datasets`, as are the data sets in it."""

import sys

from .hub import datasets

sys.modules[__name__] = datasets
for _name in (
    "boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "imdb",
    "mnist", "reuters",
):  # fmt: skip
    sys.modules[f"{__name__}.{_name}"] = getattr(datasets, _name)
