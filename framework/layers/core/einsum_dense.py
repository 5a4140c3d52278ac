"""EinsumDense: a product with a kernel by Einstein's convention, and an activation."""

import re
from typing import Any, NamedTuple

from ... import activations, ops
from ...core.input_spec import InputSpec
from ...initializers import VarianceScaling
from ...quantization.adaptable import Adaptable
from ...typing import Tensor
from ..described import Described
from ..weighted import WeightedLayer

_EQUATION = re.compile(
    r"(?P<left>\.{3})?(?P<inputs>[a-zA-Z]+)(?P<right>\.{3})?,(?P<kernel>[a-zA-Z]+)"
    r"->(?P<left_out>\.{3})?(?P<outputs>[a-zA-Z]+)(?P<right_out>\.{3})?"
)


class EinsumDense(Adaptable, Described, WeightedLayer):
    """activation(einsum(equation, x, kernel) + bias).

    Args:
        equation: which axes meet: "ab,bc->ac", or with "..." for any number of axes that stay,
            "...ab,bc->...ac" or "ab...,bc->ac...". Letters name the axes of inputs, kernel and
            outputs; the first axis of the inputs is the batch.
        output_shape: the sizes of the outputs without the batch and without what "..." stands for;
            None where the size is that of the inputs. An int for one axis.
        activation: a name or a callable; None for none.
        bias_axes: the letters of those axes of the outputs that the bias has; None for no bias.
        kernel_initializer: what the kernel begins with.
        bias_initializer: what the bias begins with.
        kernel_regularizer: a loss for the kernel, or None.
        bias_regularizer: a loss for the bias, or None.
        kernel_constraint: what the kernel is kept to, or None.
        bias_constraint: what the bias is kept to, or None.
        **kwargs: see Layer and `Adaptable`.
    """

    kernel_initializer: Any
    # How many last axes of the inputs meet the first ones of the kernel, if that is all; else 0.
    _dense_axes: int = 0

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        one = isinstance(output_shape, int)
        self.partial_output_shape = (output_shape,) if one else tuple(output_shape)
        self._output_shape = self.partial_output_shape  # for the config: `output_shape` is taken
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self._describe_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._describe_weight("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias, whose shapes follow from the equation.

        Raises:
            ValueError: an equation of another form, letters that nothing gives a size, or sizes of
                inputs and outputs that contradict each other.
        """
        found = analyze(self.equation, self.bias_axes, input_shape, self.partial_output_shape)
        unknown = [n for n in (*found.kernel, *(found.bias or ())) if n is None]
        if unknown:
            raise ValueError(
                f"{self.name}: the sizes of the kernel must be known; they follow as "
                f"{found.kernel} from inputs of shape {tuple(input_shape)} and "
                f"output_shape={self.partial_output_shape}."
            )
        self.kernel = self._make_weight(
            "kernel", found.kernel, initializer=self._scaled(found.summed, found.made)
        )
        self.bias = None if found.bias is None else self._make_weight("bias", found.bias)
        self.input_spec = InputSpec(ndim=len(input_shape))
        vars(self)["_dense_axes"] = dense_axes(self.equation, self.bias_axes)

    def _scaled(self, summed: tuple[int, ...], made: tuple[int, ...]) -> Any:
        """The kernel's initializer, told which axes are inputs and which outputs."""
        given = self.kernel_initializer
        if not isinstance(given, VarianceScaling) or None not in (
            given.input_axes,
            given.output_axes,
        ):
            return given
        config = {**given.get_config(), "seed": given.seed}
        return type(given).from_config({**config, "input_axes": summed, "output_axes": made})

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the outputs, in the shape that the equation gives."""
        if self._dense_axes:
            y = ops.dense(inputs, self.kernel, self.bias, axes=self._dense_axes)
        else:
            y = ops.einsum(self.equation, inputs, self.kernel)
            y = y if self.bias is None else ops.add(y, self.bias)
        return y if self.activation is activations.linear else self.activation(y)


class Analysis(NamedTuple):
    """What an equation says of shapes.

    Attributes:
        kernel: the shape of the kernel.
        bias: the shape of the bias, or None.
        output: the shape of the outputs.
        summed: the axes of the kernel that are summed over.
        made: the axes of the kernel that the outputs have.
    """

    kernel: tuple[Any, ...]
    bias: tuple[Any, ...] | None
    output: tuple[Any, ...]
    summed: tuple[int, ...]
    made: tuple[int, ...]


def dense_axes(equation: str, bias_axes: str | None) -> int:
    """Returns over how many axes an equation sums, if it says what `ops.dense` computes; else 0.

    There the last axes of the inputs meet the first ones of the kernel, and the outputs end with
    the kernel's other axes, all of which the bias has.
    """
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    if match is None or match["right"]:
        return 0
    inputs, kernel, outputs = match["inputs"], match["kernel"], match["outputs"]
    for axes in range(1, min(len(inputs), len(kernel)) + 1):
        kept, made = inputs[:-axes], kernel[axes:]
        plain = inputs[-axes:] == kernel[:axes] and outputs == kept + made
        if plain and made and (bias_axes is None or bias_axes == made):
            return axes
    return 0


def analyze(equation: str, bias_axes: str | None, input_shape: Any, partial: Any) -> Analysis:
    """Returns the shapes that an equation gives for inputs of `input_shape`.

    `partial` is the shape of the outputs without the batch and without what "..." stands for.

    Raises:
        ValueError: see `EinsumDense.build`.
    """
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    left, right = (match["left"], match["right"]) if match else (None, None)
    if match is None or (left, right) != (match["left_out"], match["right_out"]) or left and right:
        raise ValueError(
            f"Invalid einsum equation '{equation}'. Equations must be in the form [X],[Y]->[Z], "
            "...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
        )
    inputs, kernel, outputs = match["inputs"], match["kernel"], match["outputs"]
    shape, elided = tuple(input_shape), len(input_shape) - len(inputs)
    if elided < 0 or (elided and not (left or right)):
        raise ValueError(
            f"The einsum equation '{equation}' is for inputs with {len(inputs)} axes; got shape "
            f"{shape}."
        )
    sizes = dict(zip(inputs, shape[elided:] if left else shape, strict=False))
    # The batch is the first axis that "..." stands for, else the first letter.
    full = (shape[0], *shape[1:elided], *partial) if left else (shape[0], *partial)
    full = (*full, *shape[len(shape) - elided :]) if right and elided else full
    made = dict(zip(outputs, full[elided:] if left else full, strict=False))
    _check(equation, inputs, kernel, outputs, sizes, made)
    known = {**sizes, **{k: n for k, n in made.items() if n is not None or k not in sizes}}
    bias = None
    if bias_axes is not None:
        for letter in bias_axes:
            if letter not in outputs:
                raise ValueError(
                    f"Bias dimension '{letter}' was requested, but is not part of the output spec "
                    f"'{outputs}'"
                )
        first = min(outputs.find(letter) for letter in bias_axes)
        bias = tuple(known[k] if k in bias_axes else 1 for k in outputs[first:])
        bias = (*bias, *[1] * elided) if right else bias
    return Analysis(
        tuple(known[letter] for letter in kernel),
        bias,
        full,
        tuple(i for i, letter in enumerate(kernel) if letter not in outputs),
        tuple(i for i, letter in enumerate(kernel) if letter in outputs),
    )


def _check(
    equation: str, inputs: str, kernel: str, outputs: str, sizes: dict[str, Any], made: dict
) -> None:
    """ValueError where the letters of an equation, or their sizes, do not go together."""
    for letter in inputs:
        size = made.get(letter)
        if size is not None and size != sizes[letter]:
            raise ValueError(
                f"Input shape and output shape do not match at shared dimension '{letter}'. Input "
                f"shape is {sizes[letter]}, and output shape is {size}."
            )
    for letter in outputs:
        if letter not in inputs and letter not in kernel:
            raise ValueError(
                f"Dimension '{letter}' was specified in the output '{outputs}' but has no "
                f"corresponding dim in the input spec '{inputs}' or weight spec '{kernel}'"
            )
        if letter not in made:
            raise ValueError(
                f"`output_shape` has no size for the dimension '{letter}' of '{equation}': give "
                "one for each axis of the outputs but the batch and what '...' stands for."
            )
    for letter in kernel:
        if letter not in inputs and letter not in outputs:
            raise ValueError(
                f"Weight dimension '{letter}' did not have a match in either the input spec "
                f"'{inputs}' or the output spec '{outputs}'. For this layer, the weight must be "
                "fully specified."
            )
