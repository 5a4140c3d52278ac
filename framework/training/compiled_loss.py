"""The loss that `compile` describes: one for each output, weighted, and their sum."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import losses, metrics, ops
from ..core.trackable import Trackable
from ..losses import Loss, LossFunctionWrapper
from .outputs import Outputs, at, is_nested, shape_of
from .whole_losses import Placed, whole_losses


class Term(NamedTuple):
    """A loss of one output.

    Attributes:
        place: which output, in the order of `Outputs`.
        loss: the loss.
        weight: a factor; None for 1.
        name: of the output, or of the loss where the output has none.
        path: of a loss of nested outputs, what leads to them; `place` is then the first of them.
    """

    place: int
    loss: Loss
    weight: Any
    name: str
    path: tuple[Any, ...] | None = None


class CompiledLoss(Trackable):
    """The sum of the losses of a model's outputs.

    It is built by the first outputs that it sees. With more than one term, the mean of each,
    without its weight, is a metric "<name>_loss".

    Args:
        loss: a loss for all outputs, or nested like them, or a dict by their names; None where an
            output has none. A loss is an instance, a function `(y_true, y_pred) -> values`, or a
            name; "crossentropy" is chosen by the shapes of target and output.
        loss_weights: a factor for each loss.
        output_names: of the model's outputs.

    Raises:
        ValueError: `loss_weights` that is neither a number, a list nor a dict.
    """

    _measures = True

    def __init__(
        self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None
    ) -> None:
        if loss_weights and not isinstance(loss_weights, list | tuple | dict | float | int):
            raise ValueError(
                "Expected `loss_weights` argument to be a float (single output case) or a list, "
                "tuple, or dict (multiple output case). Received instead: "
                f"loss_weights={loss_weights} of type {type(loss_weights)}"
            )
        self._loss = (loss, loss_weights)
        self._output_names = None if output_names is None else tuple(output_names)
        self._terms: list[Term] = []
        self._means: list[Any] = []
        self._count = 0
        self.built = False

    @property
    def given(self) -> Any:
        """The losses as they were given."""
        return self._loss[0]

    @property
    def metrics(self) -> list[Any]:
        """The means of the single losses, where there are several."""
        return list(self._means)

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Finds the losses by their names and puts them to the outputs.

        Args:
            y_true: targets, whose shapes choose "crossentropy".
            y_pred: outputs of the model.

        Raises:
            KeyError: a name in `loss` that no output has.
            ValueError: another number of losses or weights than of outputs.
        """
        outputs = Outputs(y_pred, self._output_names)
        loss, weights = self._loss
        placed = whole_losses(loss, weights, outputs)
        if placed is not None:
            self._conclude([self._whole(one, outputs) for one in placed], outputs)
            return
        if is_nested(loss):
            given = outputs.align(loss, "loss", several=True)
        else:
            given = [loss] * len(outputs)
        factors = self._factors(outputs, given, weights)
        targets = self._targets(outputs, y_true, [g is not None for g in given])
        terms = []
        parts = zip(given, factors, outputs.of(y_pred), targets, outputs.names, strict=True)
        for place, (item, factor, y_p, y_t, name) in enumerate(parts):
            items = list(item) if isinstance(item, list | tuple) else [item]
            weighted = list(factor) if isinstance(factor, list | tuple) else [factor] * len(items)
            for one, weight in zip(items, weighted, strict=True):
                if one is not None:
                    made = loss_for(one, y_t, y_p)
                    terms.append(Term(place, made, weight, name or made.name))
        if isinstance(loss, dict) and isinstance(y_pred, dict):
            # In the order in which they were given, as in Keras: `evaluate` lists them by it.
            order = {key: number for number, key in enumerate(loss)}
            terms.sort(key=lambda term: order.get(outputs.paths[term.place][0], len(order)))
        self._conclude(terms, outputs)

    def _whole(self, one: Placed, outputs: Outputs) -> Term:
        """The term of a loss that is put to a place in the structure of the outputs."""
        count = len(one.path)
        place = next(n for n, path in enumerate(outputs.paths) if path[:count] == one.path)
        made = loss_for(one.loss, None, None)
        return Term(place, made, one.weight, one.name or made.name, one.path)

    def _conclude(self, terms: list[Term], outputs: Outputs) -> None:
        vars(self)["_terms"] = terms
        self._count = len(outputs)
        if len(terms) > 1:
            self._means = [metrics.Mean(name=f"{term.name}_loss") for term in terms]
        self.built = True

    def _factors(self, outputs: Outputs, given: list[Any], weights: Any) -> list[Any]:
        if not is_nested(weights):
            return [weights] * len(outputs)
        try:
            return outputs.align(weights, "loss_weights", several=True)
        except ValueError as error:
            losses_given = sum(item is not None for item in given)
            items = list(weights.values()) if isinstance(weights, dict) else list(weights)
            if len(items) != losses_given:
                raise ValueError(
                    "`loss_weights` must match the number of losses, got "
                    f"{losses_given} losses and {len(items)} weights."
                ) from error
            rest = iter(items)
            return [None if item is None else next(rest) for item in given]

    def _targets(self, outputs: Outputs, y_true: Any, wanted: list[bool]) -> list[Any]:
        """The targets in the order of the outputs; those without a loss may be left out."""
        try:
            return outputs.align(y_true, "y")
        except (KeyError, ValueError) as error:
            items = list(y_true) if isinstance(y_true, list | tuple) else [y_true]
            if not isinstance(y_true, dict) and len(items) == sum(wanted):
                rest = iter(items)
                return [next(rest) if want else None for want in wanted]
            raise ValueError(
                "y_true and y_pred have different structures.\n"
                f"y_true: {shape_of(y_true)}\ny_pred: {shape_of(outputs.structure)}\n{error}"
            ) from error

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the sum of the weighted losses, a scalar; None if no output has one.

        Args:
            y_true: targets, nested like the outputs, or a list, or a dict by the outputs' names.
            y_pred: outputs of the model.
            sample_weight: weights of the rows, for all outputs or nested like them.

        Raises:
            ValueError: targets of another structure than the outputs.
        """
        if not self.built:
            self.build(y_true, y_pred)
        outputs = Outputs(y_pred, self._output_names)
        wanted = [
            any(_takes(t, n, path) for t in self._terms) for n, path in enumerate(outputs.paths)
        ]
        targets = self._targets(outputs, y_true, wanted)
        predicted = outputs.of(y_pred)
        weights = (
            outputs.align(sample_weight, "sample_weight")
            if is_nested(sample_weight)
            else [sample_weight] * len(outputs)
        )
        total = None
        for number, term in enumerate(self._terms):
            y_p, y_t, rows = predicted[term.place], targets[term.place], weights[term.place]
            if y_t is None:
                raise ValueError(
                    f"The output {term.name!r} has a loss and no target: `y` is "
                    f"{shape_of(y_true)}. Give a target for each output that has a loss."
                )
            count = ops.shape(y_p)[0]
            if term.path is not None:
                y_p, y_t = (at(outputs.packed(x), term.path) for x in (predicted, targets))
            value = term.loss(y_t, y_p, rows)
            if self._means:
                self._means[number].update_state(value, sample_weight=count)
            if term.weight is not None:
                value = ops.multiply(value, term.weight)
            total = value if total is None else ops.add(total, value)
        return total


def _takes(term: Term, place: int, path: tuple[Any, ...]) -> bool:
    if term.path is None:
        return term.place == place
    return path[: len(term.path)] == term.path


def chosen_by_shape(y_true: Any, y_pred: Any) -> str:
    """Returns "binary", "sparse_categorical" or "categorical", by the shapes of target and output.

    An output of one number is binary; a target with fewer axes than the output, or with one number
    for several, holds classes' numbers.
    """
    if y_pred.shape[-1] == 1:
        return "binary"
    fewer = len(y_true.shape) < len(y_pred.shape)
    return "sparse_categorical" if fewer or y_true.shape[-1] == 1 else "categorical"


def loss_for(given: Any, y_true: Any, y_pred: Any) -> Loss:
    """Returns the Loss that a name, a config, a function or a Loss stands for.

    Args:
        given: what `compile` was given for one output.
        y_true: its target.
        y_pred: the output.
    """
    name = None
    if isinstance(given, str):
        name = given
        if given.lower() in ("crossentropy", "ce"):
            given = f"{chosen_by_shape(y_true, y_pred)}_crossentropy"
    found = losses.get(given)
    if isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=name or getattr(found, "__name__", "loss"))
