"""Names of Keras 2's optimizers, which say that they are gone when they are called."""

from __future__ import annotations

from typing import Any

__all__ = ["Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD"]


class LegacyOptimizerWarning:
    """Stands for an optimizer of Keras 2. Making one raises ImportError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            "`optimizers.legacy` is not supported in Keras 3, nor here. Use the optimizer of the "
            "same name in `optimizers`."
        )


Adagrad = Adam = Ftrl = Optimizer = RMSprop = SGD = LegacyOptimizerWarning
