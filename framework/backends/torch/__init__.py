"""PyTorch: eager kernels on channels-last memory; a layer is an `nn.Module`."""

from .backend import TorchBackend

# Pyright does not see the kernels of `backends.renames`; a test does.
BACKEND = TorchBackend()  # pyright: ignore[reportAbstractUsage]
