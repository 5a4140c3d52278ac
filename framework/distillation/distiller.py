"""Distiller: a model that trains a student by targets and by a teacher."""

from typing import Any

from .. import losses, metrics, ops, serialization, tree
from ..core.scopes import observed
from ..models import Model
from .losses import DistillationLoss

_END = "final_output"


class Distiller(Model):
    """Trains a student by the targets, and by what a teacher gives for the same inputs.

    Its outputs are the student's; the teacher is frozen. The loss is
    w * (loss of `compile`) + (1 - w) * (weighted sum of the distillation losses).

    Args:
        teacher: a Model.
        student: a Model with inputs and outputs of the same shapes and dtypes.
        distillation_losses: a DistillationLoss, or a list of them.
        distillation_loss_weights: a weight for each; 1 if None.
        student_loss_weight: w, from 0 to 1.
        name: its name.
        **kwargs: see Model.

    Raises ValueError for what is not a Model, models that do not fit each other or the losses, and
    weights that do not.
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        for kind, model in (("Teacher", teacher), ("Student", student)):
            if not isinstance(model, Model):
                raise ValueError(f"{kind} must be a keras.Model, got {type(model)}")
        _check_models(teacher, student)
        if not isinstance(student_loss_weight, int | float):
            raise ValueError(
                f"student_loss_weight must be a number, got {type(student_loss_weight)}"
            )
        if not 0 <= student_loss_weight <= 1:
            raise ValueError(
                f"student_loss_weight must be between 0.0 and 1.0, got {student_loss_weight}"
            )
        if distillation_losses is None:
            raise ValueError(
                "'distillation_losses' cannot be `None`. Provide a distillation loss (e.g., "
                "LogitsDistillation or FeatureDistillation) or a list of distillation losses."
            )
        if isinstance(distillation_losses, DistillationLoss):
            distillation_losses, distillation_loss_weights = [distillation_losses], None
        weights = distillation_loss_weights
        weights = [1.0] * len(distillation_losses) if weights is None else list(weights)
        if len(weights) != len(distillation_losses):
            raise ValueError(
                f"Number of distillation_loss_weights ({len(weights)}) must match number of "
                f"distillation_losses ({len(distillation_losses)})"
            )
        for loss in distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        self.teacher, self.student = teacher, student
        self.student_loss_weight = student_loss_weight
        self.distillation_losses = list(distillation_losses)
        self.distillation_loss_weights = weights
        self.teacher.trainable = False
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def compile(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Prepares for training; see `Model.compile`. `loss` is that of the student.

        Raises ValueError without a loss, or for metrics that are not a list.
        """
        if loss is None:
            raise ValueError("'loss' cannot be `None`.")
        if metrics is not None and not isinstance(metrics, list | tuple):
            raise ValueError(f"metrics must be a list or tuple, got {type(metrics)}")
        self._student_loss = tree.map_structure(
            lambda x: losses.get(x) if isinstance(x, str) else x, loss
        )
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the student's outputs."""
        return self.student(inputs, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the loss of student and teacher together, and notes its parts in metrics.

        `sample_weight` has no effect, as in Keras. ValueError for a distillation loss that is not a
        scalar.
        """
        y_pred = self(x, training=training) if y_pred is None else y_pred
        weight = self.student_loss_weight
        own, taught = ops.convert_to_tensor(0.0), ops.convert_to_tensor(0.0)
        if weight > 0 and y is not None:
            given = (tree.flatten(part) for part in (self._student_loss, y, y_pred))
            own = ops.sum(
                ops.stack([ops.mean(loss(*row)) for loss, *row in zip(*given, strict=True)])
            )
        if weight < 1:
            taught = self._taught(x, y_pred, training)
        total = ops.add(ops.multiply(own, weight), ops.multiply(taught, 1.0 - weight))
        for tracker, value in (
            (self.student_loss_tracker, own),
            (self.distillation_loss_tracker, taught),
            (self.total_loss_tracker, total),
        ):
            tracker.update_state(value)
        return total

    def _taught(self, x: Any, y_pred: Any, training: bool) -> Any:
        """The weighted sum of the distillation losses."""
        names = [
            {getattr(loss, f"{kind}_layer_name", None) for loss in self.distillation_losses}
            - {None}
            for kind in ("teacher", "student")
        ]
        of_teacher = _features(self.teacher, names[0], x, False)
        of_student = _features(self.student, names[1], x, training) if names[1] else {}
        of_student[_END] = y_pred
        terms = []
        rows = zip(self.distillation_losses, self.distillation_loss_weights, strict=True)
        for loss, weight in rows:
            teacher = of_teacher[getattr(loss, "teacher_layer_name", None) or _END]
            student = of_student[getattr(loss, "student_layer_name", None) or _END]
            loss.validate_outputs(teacher, student)
            found = loss.compute_loss(teacher, student)
            if len(ops.shape(found)):
                raise ValueError(
                    f"Distillation loss {type(loss).__name__} returned a non-scalar loss with "
                    f"shape {ops.shape(found)}. The compute_loss method must return a scalar."
                )
            terms.append(ops.multiply(found, weight))
        return ops.sum(ops.stack(terms))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same model."""
        return {
            "name": self.name,
            "teacher": serialization.serialize(self.teacher),
            "student": serialization.serialize(self.student),
            "distillation_losses": serialization.serialize(list(self.distillation_losses)),
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }


def _features(model: Model, names: set[Any], x: Any, training: bool) -> dict[str, Any]:
    """What layers of a model give for inputs, by their names, and what the model gives."""
    found: dict[str, Any] = {}
    wanted = {id(model.get_layer(name=name)): name for name in names}

    def note(layer: Any, outputs: Any) -> None:
        if id(layer) in wanted:
            found[wanted[id(layer)]] = outputs

    if wanted:
        with observed(note):
            found[_END] = model(x, training=training)
    else:
        found[_END] = model(x, training=training)
    return found


def _check_models(teacher: Model, student: Model) -> None:
    """ValueError where known inputs or outputs of two models do not fit each other."""
    for kind in ("inputs", "outputs"):
        pair = [getattr(model, kind, None) for model in (teacher, student)]
        if None in pair:
            continue
        for one, other in zip(*(tree.flatten(x) for x in pair), strict=False):
            told = f"Teacher: {one.shape}, Student: {other.shape}."
            if len(one.shape) != len(other.shape):
                raise ValueError(
                    f"Teacher and student {kind[:-1]} shapes have different dimensions. {told}"
                )
            if any(
                None not in (n, m) and n != m for n, m in zip(one.shape, other.shape, strict=True)
            ):
                raise ValueError(
                    f"Teacher and student {kind[:-1]} shapes are incompatible. {told} All "
                    "dimensions must match."
                )
            if one.dtype != other.dtype:
                raise ValueError(
                    f"Teacher and student {kind[:-1]} dtypes must match. Teacher: {one.dtype}, "
                    f"Student: {other.dtype}."
                )
