"""PyTorch: eager kernels on channels-last memory; a layer is an `nn.Module`."""

from .backend import TorchBackend

BACKEND = TorchBackend()
