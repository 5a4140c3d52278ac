"""What the operators of PyTorch's programs compute, by subject.

Definition: docs.pytorch.org/docs/stable, `torch` and `torch.nn.functional`; the schemas are those
of github.com/pytorch/pytorch, aten/src/ATen/native/native_functions.yaml.
"""

from . import (
    activations,
    attention,
    convolution,
    elementwise,
    making,
    normalization,
    picking,
    placing,
    pooling,
    products,
    ranking,
    reductions,
    resizing,
    shapes,
    sizes,
    transforms,
)

__all__ = [
    "activations",
    "attention",
    "convolution",
    "elementwise",
    "making",
    "normalization",
    "picking",
    "placing",
    "pooling",
    "products",
    "ranking",
    "reductions",
    "resizing",
    "shapes",
    "sizes",
    "transforms",
]
