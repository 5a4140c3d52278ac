"""What is to be known of each kind of layer to quantize it: one table, one rule for a kind.

A rule says which weights a layer has, and how it multiplies; everything else is the same for all.
"""

import math
import re
from typing import Any

from .. import ops
from ..typing import Tensor
from .weights import Weight


class Product:
    """The rule of Dense: inputs (…, in) times a kernel (in, out)."""

    modes = ("int8", "int4", "float8", "gptq", "awq")
    # Whether the product is that of a matrix (in, out) with the last axis of the inputs.
    is_dense = True
    # The attribute with the weight that adapters go on.
    main = "kernel"
    # Attributes of the layer that compute with its weights -> what takes their place.
    calls = {"call": "quantized_call"}

    def weights(self, layer: Any) -> list[Weight]:
        """Returns the layer's weights, the one that adapters go on first."""
        shape = tuple(layer.kernel.shape)
        return [Weight("kernel", shape, (shape[0], shape[1]), (0,), 0, 1)]

    def multiply(self, layer: Any, x: Tensor, kernel: Any) -> Tensor:
        """Returns the product of inputs and a kernel."""
        return ops.matmul(x, kernel)

    def summed(self, layer: Any) -> tuple[int, ...]:
        """Returns the axes of the inputs that the product sums over."""
        return (-1,)

    def beside_outputs(self, layer: Any, scale: Tensor) -> Tensor:
        """Returns scales of the inputs, with sizes of 1 on `summed`, as they divide the outputs."""
        return scale

    def by_inputs(self, layer: Any, upstream: Tensor, kernel: Tensor) -> Tensor:
        """Returns the gradient by the inputs of the product."""
        return ops.matmul(upstream, ops.transpose(kernel))

    def calibrated_shape(self, layer: Any) -> tuple[int, int]:
        """Returns the shape (inputs, outputs) of the matrix that GPTQ and AWQ see."""
        return self.weights(layer)[0].matrix


class EinsumProduct(Product):
    """The rule of EinsumDense: inputs and a kernel by an equation."""

    is_dense = False

    def letters(self, layer: Any) -> tuple[str, str, str]:
        """Returns the letters of inputs, kernel and outputs, "..." written out as letters."""
        inputs, kernel, outputs = re.split(",|->", layer.equation.replace(" ", ""))
        elided = layer.input_spec.ndim - len(inputs.replace("...", ""))
        free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in layer.equation][:elided]
        rest = "".join(free)
        return inputs.replace("...", rest), kernel, outputs.replace("...", rest)

    def weights(self, layer: Any) -> list[Weight]:
        """Returns the kernel, of which lines are those of the outputs' axes."""
        _, kernel, outputs = self.letters(layer)
        shape = tuple(layer.kernel.shape)
        summed = tuple(i for i, letter in enumerate(kernel) if letter not in outputs)
        kept = tuple(kernel.index(letter) for letter in outputs if letter in kernel)
        sizes = tuple(shape[kernel.index(c)] if c in kernel else 1 for c in outputs)
        rows = math.prod(shape[i] for i in summed)
        columns = math.prod(shape[i] for i in kept)
        return [Weight("kernel", shape, (rows, columns), summed, 0, 1, (sizes, kept))]

    def multiply(self, layer: Any, x: Tensor, kernel: Any) -> Tensor:
        """Returns the product by the equation."""
        return ops.einsum(layer.equation, x, kernel)

    def summed(self, layer: Any) -> tuple[int, ...]:
        """Returns the axes of the inputs that the outputs do not have."""
        inputs, _, outputs = self.letters(layer)
        return tuple(i for i, letter in enumerate(inputs) if letter not in outputs)

    def beside_outputs(self, layer: Any, scale: Tensor) -> Tensor:
        """Returns scales of the inputs in the order of the outputs' axes."""
        inputs, _, outputs = self.letters(layer)
        scale = ops.squeeze(scale, axis=self.summed(layer))
        left = [c for c in inputs if c in outputs]
        scale = ops.transpose(scale, [left.index(c) for c in outputs if c in left])
        missing = [i for i, letter in enumerate(outputs) if letter not in left]
        return ops.expand_dims(scale, missing) if missing else scale

    def by_inputs(self, layer: Any, upstream: Tensor, kernel: Tensor) -> Tensor:
        """Returns the gradient by the inputs: the equation turned round."""
        inputs, letters, outputs = self.letters(layer)
        return ops.einsum(f"{outputs},{letters}->{inputs}", upstream, kernel)

    def calibrated_shape(self, layer: Any) -> tuple[int, int]:
        """Returns (inputs, outputs): a kernel of three axes is split beside its largest one."""
        shape = tuple(layer.kernel.shape)
        if len(shape) == 2:
            return shape
        if len(shape) != 3:
            raise NotImplementedError(
                f"{layer.name}: GPTQ and AWQ take kernels of two or three axes; got shape {shape}."
            )
        if shape.index(max(shape)) == 0:
            return shape[0], shape[1] * shape[2]
        return shape[0] * shape[1], shape[2]


class Table:
    """The rule of Embedding: rows of a table by their number."""

    modes = ("int8", "int4")
    main = "embeddings"
    calls = {"_rows": "quantized_rows"}

    def weights(self, layer: Any) -> list[Weight]:
        """Returns the table; one scale holds for a row."""
        shape = (layer.input_dim, layer.output_dim)
        return [Weight("embeddings", shape, shape, (-1,), 1, 1)]


class TableBothWays(Table):
    """The rule of ReversibleEmbedding: rows by their number, and scores of all rows."""

    calls = {"_rows": "quantized_rows", "_scores": "quantized_scores"}

    def weights(self, layer: Any) -> list[Weight]:
        """Returns the table, and the matrix of the way back if there is one."""
        found = super().weights(layer)
        if not layer.tie_weights:
            shape = (layer.output_dim, layer.input_dim)
            found.append(Weight("reverse_embeddings", shape, shape, (0,), 0, 0))
        return found


# By the class of the library that a layer is, or is derived from.
RULES: dict[str, Any] = {
    "Dense": Product(),
    "EinsumDense": EinsumProduct(),
    "Embedding": Table(),
    "ReversibleEmbedding": TableBothWays(),
}
