"""TensorFlow's DTensors: meshes, layouts, and tensors that lie on several devices.

Loaded when the first mesh is made.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf
from tensorflow.experimental import dtensor  # pyright: ignore[reportMissingModuleSource]

# pyright takes TensorFlow's class for an alias of what it does not see.
Layout: Any = dtensor.Layout
_mesh_in_use: ContextVar[Any] = ContextVar("mesh_in_use", default=None)


def mesh(names, shape, axis_names):
    """TensorFlow's mesh of the devices of these names, in a grid of `shape`."""
    sizes = list(zip(axis_names, shape, strict=True))
    kind = names[0].partition(":")[0].upper()
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


def of_slices(shape, layout, part, trainable):
    """The variable of a shape, laid out; `part(slices)` gives what lies on a device."""
    parts = [part(slices) for slices in _slices_of_devices(shape, layout)]
    return dtensor.DVariable(dtensor.pack(parts, layout), trainable=trainable)


def held_parts(x):
    """What devices hold of a tensor on a mesh: (starts, sizes, number of the device, its part)."""
    parts = dtensor.unpack(x)
    for number, slices in enumerate(_slices_of_devices(x.shape, layout_of(x))):
        starts, ends = tuple(s.start for s in slices), tuple(s.stop for s in slices)
        sizes = tuple(b - a for a, b in zip(starts, ends, strict=True))
        yield starts, sizes, number, parts[number]


def _slices_of_devices(shape, layout):
    """The slices of a tensor that each device has."""
    sizes = layout.mesh.shape()
    names = layout.mesh.dim_names
    for place in layout.mesh.local_device_locations():
        slices = []
        for size, name in zip(shape, layout.sharding_specs, strict=True):
            if name == dtensor.UNSHARDED:
                slices.append(slice(0, size))
            else:
                width = size // sizes[names.index(name)]
                slices.append(slice(place[name] * width, (place[name] + 1) * width))
        yield tuple(slices)


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
