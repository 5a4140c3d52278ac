"""Dense, Embedding, Dropout, Activation, Identity."""

from .. import activations, dtypes, ops, random
from ..core.layer import Layer
from ..ops.casting import as_indices
from ..ops.dispatch import together
from ..ops.op import op


class Dense(Layer):
    """activation(x @ kernel + bias).

    Shapes: inputs (…, in), kernel (in, units), bias (units,); the result is (…, units).
    """

    def __init__(
        self,
        units: int,
        activation=None,
        use_bias: bool = True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"Dense: `units` must be positive; got {units}.")
        self.units = units
        self.supports_masking = True
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def build(self, input_shape):
        inputs = input_shape[-1]
        if inputs is None:
            raise ValueError(
                f"{self.name}: the last size of the inputs must be known; got {input_shape}."
            )
        self.kernel = self.add_weight(
            (inputs, self.units), self.kernel_initializer, memory_format="dense"
        )
        self.bias = self.add_weight((self.units,), self.bias_initializer) if self.use_bias else None

    def call(self, inputs):
        y = ops.dense(inputs, self.kernel, self.bias)
        return y if self.activation is activations.linear else self.activation(y)


class Embedding(Layer):
    """Rows of a table by their number.

    Shapes: inputs (…) of integers from 0 to input_dim - 1; the result is (…, output_dim). With
    `mask_zero` a 0 stands for padding, and the result has the mask `inputs != 0`.

    A number outside of the table is an error in eager calls on the CPU. In compiled code, on
    accelerators and on JAX, which cannot raise, its row is NaN.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer="uniform",
        mask_zero: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = embeddings_initializer
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.build(None)

    def build(self, input_shape=None):
        shape = (self.input_dim, self.output_dim)
        name = self.embeddings_initializer
        self.embeddings = self.add_weight(shape, "random_uniform" if name == "uniform" else name)

    def call(self, inputs):
        if dtypes.is_float(ops.dtype(inputs)):
            inputs = ops.cast(inputs, "int32")
        return _rows_at(self.embeddings, inputs)

    def compute_mask(self, inputs, previous_mask=None):
        """Returns the mask of the tokens that are not 0, where `mask_zero` asks for it."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None


@op
def _rows_at(embeddings, indices):
    """Rows of (rows, size) `embeddings` for whole numbers from 0 on, in any shape."""
    backend, (embeddings, indices) = together(embeddings, indices)
    if backend.is_sparse(indices):
        return backend.take(embeddings, indices, 0)
    return backend.rows_at(embeddings, as_indices(backend, indices))


class Dropout(Layer):
    """While training, a share `rate` of the elements set to 0 and the rest divided by 1 - rate."""

    def __init__(self, rate: float, noise_shape=None, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout: `rate` must be at least 0 and below 1; got {rate}.")
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed
        self.supports_masking = True
        if rate:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not self.rate or not training:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)


class Identity(Layer):
    """Its inputs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs
