"""Spectral normalization of another layer's kernel."""

from typing import Any

from ... import initializers, ops
from ...core.input_spec import InputSpec
from ..core.wrapper import Wrapper

_EVERY: Any = None  # axis: the whole tensor is one vector


class SpectralNormalization(Wrapper):
    """A layer whose kernel is divided by its largest singular value at each training step.

    Miyato et al. 2018, with Keras's arguments. The kernel counts as a matrix of its last axis and
    all others; power iterations, which go on from one call to the next, find the value. A kernel of
    zeros stays as it is.

    Args:
        layer: a layer with an attribute `kernel` or `embeddings`.
        power_iterations: how many steps towards the singular vectors a call takes.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: `power_iterations` below 1; later, a layer with neither attribute.
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                "`power_iterations` should be greater than zero. Received: "
                f"`power_iterations={power_iterations}`"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer inside, and makes the singular vector that iterations start from."""
        super().build(input_shape)
        if input_shape is not None:
            self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = self._kernel()
        self.vector_u = self.add_weight(
            (1, kernel.shape[-1]),
            initializers.TruncatedNormal(stddev=0.02),
            kernel.dtype,
            trainable=False,
        )

    def _kernel(self) -> Any:
        for name in ("kernel", "embeddings"):
            found = getattr(self.layer, name, None)
            if found is not None:
                return found
        raise ValueError(
            f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'"
        )

    def own_variables(self) -> list[Any]:
        """Returns the kernel of the layer inside, and the singular vector.

        Keras's files have the kernel twice, here and with its own layer.
        """
        own = super().own_variables()
        return [self._kernel(), *own] if own else own

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Computes the outputs of the layer inside; in training after its kernel is normalized."""
        if training:
            self._normalize_kernel()
        return self.layer(inputs)

    def _normalize_kernel(self) -> None:
        kernel = self._kernel()
        vector, normalized = self.normalized_weights()
        zero = ops.all(ops.equal(kernel, 0))
        self.vector_u.assign(ops.where(zero, self.vector_u, vector))
        kernel.assign(ops.where(zero, kernel, normalized))

    def normalized_weights(self) -> tuple[Any, Any]:
        """Returns the next singular vector (1, n), and the kernel over its largest singular
        value."""
        kernel = self._kernel()
        matrix = ops.stop_gradient(ops.reshape(kernel, (-1, kernel.shape[-1])))
        u = ops.convert_to_tensor(self.vector_u)
        v = u
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), axis=_EVERY)
            u = ops.normalize(ops.matmul(v, matrix), axis=_EVERY)
        sigma = ops.matmul(ops.matmul(v, matrix), ops.transpose(u))
        divided = ops.divide(ops.reshape(matrix, kernel.shape), ops.reshape(sigma, ()))
        return ops.stop_gradient(u), divided
