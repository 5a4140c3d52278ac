"""Torch's DTensors: meshes of processes, placements, and the tensors of which each has a part.

Loaded when the first mesh is made: the modules of DTensors take 0.4 s to import.
"""

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from torch.distributed.tensor._utils import (
    _compute_local_shape_and_global_offset,
    compute_local_shape_and_global_offset,
)

from .distribution import joined, meshes


def _instead(kernel):
    """A handler of DTensors' ops that calls another one."""
    return lambda op, args, kwargs: kernel(*args, **kwargs)


# torch 2.13 takes these names for ops in place, by their last letter, and gives the operand back.
_SHIFTS = {
    getattr(getattr(torch.ops.aten, name), kind): _instead(getattr(kernel, overload))
    for name, kernel in (
        ("__lshift__", torch.ops.aten.bitwise_left_shift),
        ("__rshift__", torch.ops.aten.bitwise_right_shift),
    )
    for kind, overload in (("Scalar", "Tensor_Scalar"), ("Tensor", "Tensor"))
}


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
    handlers = getattr(DTensor._op_dispatcher, "_custom_op_handlers", {})
    handlers.update(_SHIFTS)
    grid = torch.tensor(numbers).reshape(shape)
    meshes.append(DeviceMesh("cuda" if kind == "gpu" else kind, grid, mesh_dim_names=axis_names))
    return meshes[-1]


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


def of_slices(like, layout, part):
    """The tensor with the shape and the strides of `like`; `part(slices)` gives what is here."""
    sizes, starts = compute_local_shape_and_global_offset(
        like.shape, layout.mesh, layout.placements
    )
    slices = tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
    here = part(slices).to(layout.mesh.device_type)
    return DTensor.from_local(
        here,
        layout.mesh,
        layout.placements,
        run_check=False,
        shape=like.shape,
        stride=like.stride(),
    )


def held_parts(x):
    """What processes hold of a DTensor: (starts, sizes, number of the process, its part or None).

    Terms of a sum are added first.
    """
    if any(placement.is_partial() for placement in x.placements):
        x = whole(x)
    here = x.device_mesh.get_coordinate()
    grid = x.device_mesh.mesh
    for place in np.ndindex(*grid.shape):
        sizes, starts = _compute_local_shape_and_global_offset(
            x.shape, tuple(grid.shape), list(place), x.placements
        )
        own = x.to_local() if here is not None and tuple(here) == place else None
        yield tuple(starts), tuple(sizes), int(grid[place]), own


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
    return DTensor.from_local(
        part,
        like.device_mesh,
        like.placements,
        run_check=False,
        shape=like.shape,
        stride=like.stride(),
    )


def settled(gradients, weights):
    """Gradients that lie as their weights do.

    What each process has is often a term of a sum. Terms for whole weights are added in one
    exchange for each dtype, and not one for each weight.
    """
    found, together = list(gradients), {}
    for place, (gradient, weight) in enumerate(zip(gradients, weights, strict=True)):
        if not isinstance(gradient, DTensor) or gradient.placements == weight.placements:
            continue
        pairs = zip(gradient.placements, weight.placements, strict=True)
        if all(w.is_replicate() and (g.is_replicate() or g == Partial()) for g, w in pairs):
            key = gradient.device_mesh, gradient.placements, gradient.dtype
            together.setdefault(key, []).append(place)
        else:
            found[place] = gradient.redistribute(placements=weight.placements)
    for (mesh, placements, _), places in together.items():
        parts = [gradients[place].to_local() for place in places]
        flat = torch.cat([part.reshape(-1) for part in parts])
        whole = DTensor.from_local(flat, mesh, placements, run_check=False).full_tensor()
        pieces = whole.split([part.numel() for part in parts])
        for place, piece, part in zip(places, pieces, parts, strict=True):
            # In the order of the weight's memory, as the optimizer's kernels like it.
            piece = torch.empty_like(part).copy_(piece.view(part.shape))
            found[place] = of_rows(piece, weights[place])
    return found


def cut_by_rows(x):
    """A DTensor that is cut along its rows alone; of other axes each process gets all."""
    return x.redistribute(placements=[p if p.is_shard(0) else Replicate() for p in x.placements])


def looked_up(table, indices):
    """Rows of a DTensor of rows.

    Where it is cut along its rows processes have terms of a sum, which DTensor adds up once only,
    however often the result is used: so it is done at once. What is cut otherwise is gathered.
    """
    if any(p.is_shard(1) for p in table.placements):
        table = table.redistribute(
            placements=[Replicate() if p.is_shard(1) else p for p in table.placements]
        )
    x = torch.nn.functional.embedding(indices, table)
    if not isinstance(x, DTensor) or not any(p.is_partial() for p in x.placements):
        return x
    return x.redistribute(placements=[Replicate() if p.is_partial() else p for p in x.placements])


def whole(x):
    """A DTensor of which each process has all."""
    return x.redistribute(placements=[Replicate()] * x.device_mesh.ndim)


def attended(attend, query, key, value, mask):
    """`attend(query, key, value, mask)` of (batch, heads, length, dim) tensors, where they lie.

    Rows and heads do not meet in attention: each process computes those that it has.
    """
    mesh = next(x.device_mesh for x in (query, key, value) if isinstance(x, DTensor))
    query, key, value = (on_mesh(x, mesh) for x in (query, key, value))
    same = {x.shape[:2] for x in (query, key, value)}
    places = []
    for size, placement in zip(mesh.shape, query.placements, strict=True):
        axis = placement.dim if isinstance(placement, Shard) else None
        cut = axis in (0, 1) and len(same) == 1 and query.shape[axis] % size == 0
        cut = cut and Shard(axis) not in places
        places.append(Shard(axis) if cut else Replicate())
    parts = [x.redistribute(placements=places).to_local() for x in (query, key, value)]
    if mask is not None:
        mask = on_mesh(mask, mesh)
        ahead = 4 - mask.ndim
        own, back = [], []
        for place in places:
            axis = place.dim - ahead if isinstance(place, Shard) else -1
            along = axis >= 0 and mask.shape[axis] > 1
            own.append(Shard(axis) if along else Replicate())
            # The gradient of what all have is a sum over those who use it.
            back.append(Partial() if isinstance(place, Shard) and not along else own[-1])
        mask = mask.redistribute(placements=own).to_local(grad_placements=back)
    return DTensor.from_local(attend(*parts, mask), mesh, places, run_check=False)


def on_mesh(x, mesh):
    """A tensor, which is the same in all processes if it is no DTensor, as a DTensor."""
    if isinstance(x, DTensor):
        return x
    return DTensor.from_local(x, mesh, [Replicate()] * mesh.ndim, run_check=False)
