"""Tensors and variables, put where a layout says."""

from typing import Any

from ..backends import registry
from ..context import entered
from .mesh import TensorLayout


def distribute_tensor(tensor: Any, layout: TensorLayout) -> Any:
    """Returns a tensor laid out over the devices of a mesh.

    In a compiled program it says how the value is to lie from here on. A symbolic tensor is
    returned as it is.

    Args:
        tensor: a native tensor, or a NumPy array.
        layout: a TensorLayout, or what the framework has for one (`jax.sharding.Sharding`).

    Raises:
        ValueError: an axis that its devices do not divide; a backend without sharded tensors.
    """
    owner = registry.owner_of(tensor)
    if not isinstance(owner, registry.Kind) and owner.symbolic:
        return tensor
    backend = registry.current() if isinstance(owner, registry.Kind) else owner
    if isinstance(layout, TensorLayout):
        shape = tuple(tensor.shape)
        if not layout.divides(shape):
            raise ValueError(undivided(shape, layout))
        with entered(backend=backend):
            layout = layout.backend_layout
    return backend.distribute(tensor, layout)


def undivided(shape: tuple[int, ...], layout: TensorLayout) -> str:
    """Returns what is wrong with a layout that does not divide a shape."""
    return (
        f"a tensor of shape {shape} cannot be laid out as {layout.axes}: the mesh has "
        f"{layout.sizes()} devices along its axes, and each axis that is cut must be a "
        "multiple of them. Use another mesh, or None for that axis."
    )
