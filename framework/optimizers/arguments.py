"""Arguments that all optimizers share: their signature, written once, and their checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

# Name -> default, in the order of Keras's constructors, where they follow the optimizer's own.
COMMON: dict[str, Any] = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "name": None,
}


def common_arguments(init: Callable[..., None] | None = None, *, after: str | None = None) -> Any:
    """Decorates an `__init__` whose `**options` go to Optimizer: they get names and an order.

    Args:
        init: the constructor; its own parameters, and `**options`.
        after: the parameter of its own behind which the common ones stand; the last unless given.
    """
    if init is None:
        return lambda init: common_arguments(init, after=after)
    *own, rest = inspect.signature(init).parameters.values()
    place = 1 + [p.name for p in own].index(after or own[-1].name)
    names = {p.name for p in own}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    shared = [inspect.Parameter(n, kind, default=d) for n, d in COMMON.items() if n not in names]
    everything = [*own[:place], *shared, *own[place:]]
    order = [p.name for p in everything]

    @wraps(init)
    def with_common(self: Any, *args: Any, **kwargs: Any) -> None:
        given = dict(zip(order[1:], args, strict=False))
        if len(args) >= len(order) or given.keys() & kwargs.keys():
            inspect.Signature(everything).bind(self, *args, **kwargs)  # raises TypeError
        init(self, **given, **kwargs)

    with_common.__signature__ = inspect.Signature(  # pyright: ignore[reportAttributeAccessIssue]
        [*everything, rest.replace(name="kwargs")]
    )
    return with_common


def check_common(made: Any) -> None:
    """Checks the arguments that an optimizer was given. Raises ValueError."""
    steps = made.gradient_accumulation_steps
    if steps and not (isinstance(steps, int) and steps >= 2):
        raise ValueError(
            "`gradient_accumulation_steps` must be an integer >= 2, or None to update at every "
            f"step. Received: gradient_accumulation_steps={steps}"
        )
    if made.use_ema:
        if not 0 <= made.ema_momentum <= 1:
            raise ValueError(
                "`ema_momentum` must be in the range [0, 1]; 0.99 is usual. Received: "
                f"ema_momentum={made.ema_momentum}"
            )
        every = made.ema_overwrite_frequency
        if every and (not isinstance(every, int) or every < 1):
            raise ValueError(
                "`ema_overwrite_frequency` must be an integer >= 1 or None. Received: "
                f"ema_overwrite_frequency={every}"
            )
    clips = {name: getattr(made, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    if sum(value is not None for value in clips.values()) > 1:
        received = ", ".join(f"{name}={value}" for name, value in clips.items())
        raise ValueError(
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set; leave the "
            f"others None. Received: {received}"
        )
