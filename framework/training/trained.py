"""What the loops of training are mixed into: a model, which is a layer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.layer import Layer as Mixed
else:
    Mixed = object


class Trained(Mixed):
    """A Model, as its loops see it."""

    # What `compile` left, and what follows from it.
    _setup: Any
    _compiled_setup: Callable[[str], Any]
    _warn_of_changed_layers: Callable[[], None]
    _default_jit: Callable[[], bool]
    get_metrics_result: Callable[[], dict[str, Any]]
    reset_metrics: Callable[[], None]
    train_step: Callable[..., Any]
    test_step: Callable[..., Any]
    predict_step: Callable[..., Any]
    stop_training: bool = False
    if TYPE_CHECKING:  # a property of Trainer

        @property
        def steps_per_execution(self) -> int:
            """How many batches one compiled program takes."""
            ...

    # The model's compiled inference.
    _run_compiled: Callable[..., Any]
    ensure_built: Callable[..., None]

    def prepare_inputs(self, x: Any) -> Any:
        """Returns `x` as the model's call takes it. A model for texts or files overrides it.

        `fit`, `evaluate`, `predict` and the methods for one batch ask it for their inputs.
        """
        return x
