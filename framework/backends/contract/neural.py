"""Kernels of neural networks, and the random bits."""

from typing import Any, Protocol

from ...typing import Tensor

Sizes = tuple[int, ...]


class NeuralKernels(Protocol):
    """Kernels on batches (batch, spatial…, channels)."""

    def conv(
        self, x: Tensor, kernel: Tensor, strides: Sizes, padding: Any, dilation: Sizes, groups: int
    ) -> Tensor:
        """Correlates with a kernel (spatial…, in / groups, out)."""
        ...

    def conv_transpose(
        self, x: Tensor, kernel: Tensor, strides: Sizes, crops: Any, dilation: Sizes
    ) -> Tensor:
        """Computes the gradient of `conv` by its input, for a kernel (spatial…, out, in)."""
        ...

    def depthwise_conv(
        self, x: Tensor, kernel: Tensor, strides: Sizes, padding: Any, dilation: Sizes
    ) -> Tensor:
        """Correlates each channel with kernels of its own (spatial…, channels, multiplier)."""
        ...

    def pool(self, x: Tensor, size: Sizes, strides: Sizes, padding: Any, kind: str) -> Tensor:
        """Takes the "max" or "average" of windows; padding does not count."""
        ...

    def lstm(
        self, x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Any
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """Runs an LSTM (tanh, sigmoid) over (batch, steps, in): (outputs, h, c), or None."""
        ...

    def gru(
        self, x: Tensor, h: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Any
    ) -> tuple[Tensor, Tensor] | None:
        """Runs a GRU (tanh, sigmoid) over (batch, steps, in): (outputs, h), or None."""
        ...

    def softmax(self, x: Tensor, axis: Any, /) -> Tensor:
        """Computes e^x / sum(e^x) along an axis."""
        ...

    def log_softmax(self, x: Tensor, axis: Any, /) -> Tensor:
        """Computes the logarithm of `softmax`."""
        ...

    def glu(self, x: Tensor, axis: int, /) -> Tensor:
        """Multiplies the first half along an axis with the sigmoid of the second."""
        ...

    def random_words(self, key: Tensor, shape: Sizes, stream: int = 0) -> Any:
        """Draws Philox's 32-bit words for the elements of a shape; see `backends.philox`."""
        ...
