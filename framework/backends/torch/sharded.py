"""Torch's DTensors: meshes of processes, placements, and the tensors of which each has a part.

Loaded when the first mesh is made: the modules of DTensors take 0.4 s to import.
"""

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from .distribution import joined


class Layout:
    """How a tensor lies on a mesh: a placement for each axis of the mesh."""

    __slots__ = ("mesh", "placements")

    def __init__(self, mesh, placements):
        self.mesh, self.placements = mesh, tuple(placements)


def mesh(kind, numbers, shape, axis_names):
    """Torch's mesh of the processes of these numbers, in a grid of `shape`."""
    if not joined():
        # A group of this process only: its store is in memory.
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    # Every process runs the same program, and draws are a function of the seed: a plain tensor is
    # the same in each, and may meet DTensors.
    DTensor._op_dispatcher._allow_implicit_replication = True
    grid = torch.tensor(numbers).reshape(shape)
    return DeviceMesh("cuda" if kind == "gpu" else kind, grid, mesh_dim_names=axis_names)


def layout(mesh, axes):
    """The layout of a tensor whose axes are cut along the mesh's axes of these names."""
    names = mesh.mesh_dim_names
    return Layout(mesh, [Shard(axes.index(n)) if n in axes else Replicate() for n in names])


def distributed(x, layout):
    """A tensor, or an array that is the same in all processes, laid out; a Parameter as one."""
    weight = isinstance(x, torch.nn.Parameter)
    given = x.detach() if weight else torch.as_tensor(x)
    if not isinstance(given, DTensor):
        kind = layout.mesh.device_type
        given = given if given.device.type == kind else given.to(kind)
        whole = [Replicate()] * layout.mesh.ndim
        given = DTensor.from_local(given, layout.mesh, whole, run_check=False)
    if given.device_mesh == layout.mesh and given.placements == layout.placements:
        if isinstance(x, DTensor):
            return x
    else:
        given = given.redistribute(layout.mesh, layout.placements)
    return torch.nn.Parameter(given, x.requires_grad) if weight else given


def of_parts(x, layout):
    """The tensor of which each process has a part."""
    return DTensor.from_local(torch.as_tensor(x), layout.mesh, layout.placements)


def own_rows(x):
    """(first, count) of the rows that this process has of a tensor cut along its rows alone.

    None for one that is cut otherwise.
    """
    if not all(p.is_replicate() or p.is_shard(0) for p in x.placements):
        return None
    shape, start = compute_local_shape_and_global_offset(x.shape, x.device_mesh, x.placements)
    return start[0], shape[0]


def of_rows(part, like):
    """The tensor that lies as `like` does, of which this process has `part`."""
    shape, stride = like.shape, torch.empty(like.shape, device="meta").stride()
    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=shape, stride=stride
    )
