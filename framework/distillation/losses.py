"""What a student's outputs are compared with: a teacher's, at the end or at some layer."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from .. import losses, ops, serialization, tree
from ..configs import Configurable


class DistillationLoss(Configurable):
    """Base of losses between a teacher's and a student's outputs. Subclasses compute one."""

    def __init__(self) -> None:
        super().__init__()

    @abstractmethod
    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """Returns a scalar for outputs of the same structure. Subclasses define it."""
        raise NotImplementedError("Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Raises ValueError where the outputs do not have the same structure."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises ValueError where two models do not fit the loss."""


class _OfLosses(DistillationLoss):
    """Base of those that compare by losses, one for each output."""

    def __init__(self, loss: Any) -> None:
        self.loss = tree.map_structure(
            lambda x: losses.get(x) if isinstance(x, str) else x, loss, none_is_leaf=True
        )
        if all(x is None for x in tree.flatten(self.loss)):
            raise ValueError(
                f"The `loss` argument in `{type(self).__name__}` must contain at least one "
                "non-`None` value."
            )

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Raises ValueError where the outputs, or the losses, do not have the same structure."""
        super().validate_outputs(teacher_outputs, student_outputs)
        try:
            tree.assert_same_structure(self.loss, teacher_outputs)
        except ValueError as error:
            raise ValueError(
                f"Loss structure mismatch. The losses are {self.loss!r}, one for each output; "
                f"{error}"
            ) from error

    def _sum(self, term: Callable[..., Any], teacher: Any, student: Any) -> Any:
        """The sum over the outputs that have a loss."""
        rows = zip(*(tree.flatten(x) for x in (self.loss, teacher, student)), strict=True)
        terms = [term(*row) for row in rows if row[0] is not None]
        return ops.sum(ops.stack(terms))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes a loss from what `get_config` gives."""
        return cls(**{**config, "loss": serialization.deserialize(config["loss"])})


class FeatureDistillation(_OfLosses):
    """Compares what a layer of the teacher gives with what a layer of the student gives.

    Args:
        loss: a Loss, its name, or a structure of them like the outputs'; None leaves one out.
        teacher_layer_name: the teacher's layer; the model's outputs if None.
        student_layer_name: the student's layer; the model's outputs if None.

    Raises ValueError where all losses are None.
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ) -> None:
        super().__init__(loss)
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises ValueError where a model has no layer of the name."""
        for kind, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            try:
                if name is not None:
                    model.get_layer(name=name)
            except ValueError as error:
                raise ValueError(f"In {kind} model: {error}") from error

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """Returns the sum of the losses' means."""
        return self._sum(
            lambda loss, teacher, student: ops.mean(loss(teacher, student)),
            teacher_outputs,
            student_outputs,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss."""
        return {
            "loss": serialization.serialize(self.loss),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


class LogitsDistillation(_OfLosses):
    """Compares the models' logits, divided by a temperature.

    Of a KLDivergence they become probabilities first, and the loss is multiplied by the
    temperature's square, so that its gradients keep their size.

    Args:
        temperature: what logits are divided by; positive.
        loss: a Loss, its name, or a structure of them like the outputs'; None leaves one out.

    Raises ValueError where all losses are None, or for another temperature.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        super().__init__(loss)
        if not isinstance(temperature, int | float):
            raise ValueError(f"temperature must be a number, got {type(temperature)}")
        if temperature <= 0:
            raise ValueError(f"temperature must be positive; got {temperature}.")
        self.temperature = temperature

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """Returns the sum of the losses' means."""

        def term(loss: Any, teacher: Any, student: Any) -> Any:
            teacher, student = (ops.divide(x, self.temperature) for x in (teacher, student))
            if not isinstance(loss, losses.KLDivergence) and loss is not losses.kl_divergence:
                return ops.mean(loss(teacher, student))
            found = loss(ops.softmax(teacher, axis=-1), ops.softmax(student, axis=-1))
            return ops.multiply(ops.mean(found), self.temperature**2)

        return self._sum(term, teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss."""
        return {"temperature": self.temperature, "loss": serialization.serialize(self.loss)}
