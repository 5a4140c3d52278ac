"""TensorFlow's DTensors: meshes, layouts, and tensors that lie on several devices.

Loaded when the first mesh is made.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf
from tensorflow.experimental import dtensor  # pyright: ignore[reportMissingModuleSource]

from .processes import joined

# pyright takes TensorFlow's class for an alias of what it does not see.
Layout: Any = dtensor.Layout
_mesh_in_use: ContextVar[Any] = ContextVar("mesh_in_use", default=None)


def global_names(kind):
    """The names of all processes' devices of a kind, those of the first process first."""
    return [f"{kind.lower()}:{number}" for number in range(dtensor.num_global_devices(kind))]


def mesh(names, shape, axis_names):
    """TensorFlow's mesh of the devices of these names, in a grid of `shape`."""
    sizes = list(zip(axis_names, shape, strict=True))
    kind = names[0].partition(":")[0].upper()
    if joined():
        if list(names) != global_names(kind):
            raise ValueError(
                "Of several processes of TensorFlow a mesh has all devices, in their order: "
                f"{', '.join(global_names(kind))}; got {', '.join(names)}."
            )
        local = [f"{kind}:{number}" for number in range(dtensor.num_local_devices(kind))]
        return dtensor.create_distributed_mesh(sizes, local_devices=local, device_type=kind)
    return dtensor.create_mesh(sizes, devices=[name.upper() for name in names], device_type=kind)


def layout(mesh, axes):
    """The layout of a tensor whose axes are cut along the mesh's axes of these names."""
    return Layout([dtensor.UNSHARDED if a is None else a for a in axes], mesh)


def layout_of(x):
    """The layout of a tensor or variable; None for one that lies on one device."""
    if isinstance(x, tf.Variable):
        return x.layout if isinstance(x, dtensor.DVariable) else None
    if not tf.is_tensor(x) or not hasattr(x, "numpy"):
        return None
    try:
        return dtensor.fetch_layout(x)
    except tf.errors.InvalidArgumentError:
        return None


def distributed(x, layout):
    """A tensor, array or variable, laid out; a variable as one."""
    if isinstance(x, tf.Variable):
        found = layout_of(x)
        if found is not None and found == layout:
            return x
        value = distributed(x.read_value(), layout)
        made = dtensor.DVariable(value, trainable=x.trainable)
        made._trainable = x.trainable
        return made
    x = tf.convert_to_tensor(x)
    if hasattr(x, "numpy") and layout_of(x) is None:
        x = dtensor.copy_to_mesh(x, Layout.replicated(layout.mesh, x.shape.rank))
    return dtensor.relayout(x, layout)


def whole(x):
    """A tensor that lies on several devices, as one of the first device."""
    x = tf.convert_to_tensor(x)
    found: Any = layout_of(x)
    replicated = Layout.replicated(found.mesh, x.shape.rank)
    return dtensor.unpack(dtensor.relayout(x, replicated))[0]


def packed(parts, layout):
    """The tensor of which the devices of this process have `parts`."""
    return dtensor.pack(parts, layout)


def of_parts(x, layout):
    """The tensor of which this process has a part, which is cut along its first axis alone."""
    local = layout.mesh.num_local_devices()
    name = layout.sharding_specs[0]
    places = [place.get(name, 0) for place in layout.mesh.local_device_locations()]
    first, count = min(places), len(set(places))
    width = x.shape[0] // count
    if x.shape[0] % count:
        raise ValueError(
            f"A part of a batch has {x.shape[0]} rows, and this process shares them out over "
            f"{count} of its {local} devices."
        )
    rows = [x[(n - first) * width : (n - first + 1) * width] for n in places]
    return dtensor.pack([tf.convert_to_tensor(one) for one in rows], layout)


def of_slices(shape, layout, part, trainable):
    """The variable of a shape, laid out; `part(slices)` gives what lies on a device."""
    parts = [
        part(_slices_at(place, shape, layout)) for place in layout.mesh.local_device_locations()
    ]
    return dtensor.DVariable(dtensor.pack(parts, layout), trainable=trainable)


def held_parts(x):
    """What devices hold of a tensor on a mesh: (starts, sizes, number of the device, its part).

    The part of another process's device is None.
    """
    layout: Any = layout_of(x)
    here = dict(zip(layout.mesh.local_device_ids(), dtensor.unpack(x), strict=True))
    held = []
    for number, place in layout.mesh.unravel_index().items():
        slices = _slices_at(place, x.shape, layout)
        starts, ends = tuple(s.start for s in slices), tuple(s.stop for s in slices)
        sizes = tuple(b - a for a, b in zip(starts, ends, strict=True))
        held.append((starts, sizes, number, here.get(number)))
    return held


def _slices_at(place, shape, layout):
    """The slices of a tensor that the device at a place of the mesh has."""
    sizes = layout.mesh.shape()
    names = layout.mesh.dim_names
    slices = []
    for size, name in zip(shape, layout.sharding_specs, strict=True):
        if name == dtensor.UNSHARDED:
            slices.append(slice(0, size))
        else:
            width = size // sizes[names.index(name)]
            slices.append(slice(place[name] * width, (place[name] + 1) * width))
    return tuple(slices)


def mesh_of(variables):
    """The mesh of the first of the Variables that lies on one; None if none does."""
    natives = (v.native for v in variables)
    return next((n.layout.mesh for n in natives if isinstance(n, dtensor.DVariable)), None)


@contextmanager
def on(mesh):
    """A context in which programs run on a mesh: what has no layout is whole on each device."""
    token = _mesh_in_use.set(mesh)
    try:
        with dtensor.default_mesh(mesh):
            yield
    finally:
        _mesh_in_use.reset(token)


def in_use():
    """Whether a program of a mesh is being traced or run."""
    return _mesh_in_use.get() is not None


def replicated(x):
    """`x` whole on each device of the mesh in use: draws would differ from device to device."""
    mesh = _mesh_in_use.get()
    return x if mesh is None else dtensor.relayout(x, Layout.replicated(mesh, x.shape.rank))


def by_rows(x, distribution):
    """`x` cut along its first axis as batches are; whole if that does not divide."""
    mesh, rows = _mesh_in_use.get(), x.shape[0]
    axis = distribution and distribution.batch_dim_name
    if axis not in mesh.dim_names or rows is None:
        return x
    cut = axis if rows % mesh.dim_size(axis) == 0 else dtensor.UNSHARDED
    return dtensor.relayout(x, Layout([cut, *[dtensor.UNSHARDED] * (x.shape.rank - 1)], mesh))
