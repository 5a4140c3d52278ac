"""Names for the types of arguments and results, used in signatures throughout.

They cost nothing at run time and import no framework. A tensor may belong to a framework that is
not installed, so its type cannot be written down: `Tensor`, `TensorLike` and `DType` tell readers
what is meant, and mean `Any` to a type checker.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

# A tensor of one backend: numpy.ndarray, jax.Array, torch.Tensor, tf.Tensor, or a KerasTensor.
Tensor: TypeAlias = Any

# What an op makes a tensor of: a Tensor, a Variable, a NumPy array, a number, or nested lists of
# numbers.
TensorLike: TypeAlias = Any

# A dtype by its name ("float32"), as a Python type (float), or as a dtype object of NumPy, JAX,
# PyTorch or TensorFlow. None is the default of the function that takes it.
DType: TypeAlias = Any

# One integer for all axes in question, or one for each: windows, strides, dilations, axes.
Ints: TypeAlias = int | Sequence[int]

# One axis, several, or all (None); negative ones count from the last.
Axis: TypeAlias = int | Sequence[int] | None

# Sizes of a tensor; one int is a shape of one axis. Where an op takes a shape, a size may be a
# scalar tensor of the graph that is being built.
Shape: TypeAlias = int | Sequence[Any]

# What random draws start from: an int, a SeedGenerator, or None for the seed of the process.
Seed: TypeAlias = Any
