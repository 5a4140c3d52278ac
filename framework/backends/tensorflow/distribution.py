"""Tensors over many devices: TensorFlow's DTensor."""

import sys
from functools import partial
from typing import Any

import tensorflow as tf

from ... import config
from ...context import entered
from ..spread_parts import elsewhere, parts
from . import processes

_UNKNOWN_IN_STEP = (
    "The step assigned a variable that is neither the model's nor its optimizer's nor that of one "
    "of its metrics; in a program over several devices its new value would be lost. Make it an "
    "attribute of the model or of a layer in it, and a metric an attribute of the model."
)


class TensorflowDistribution:
    """Meshes of the devices of one process or of several, and tensors that lie on them.

    A program of DTensors computes what it computes of the whole tensors.
    """

    has_sharded_tensors = True
    asarray: Any
    to_numpy: Any

    def process_place(self):
        return processes.place[0], processes.place[1]

    def join_processes(self, addresses, count, number):
        processes.join(addresses, count, number)

    def device_names(self, kind):
        if processes.joined():
            from . import sharded

            own = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
            return sharded.global_names(kind or own)
        if kind is None:
            kind = next(
                (k for k in ("tpu", "gpu") if tf.config.list_logical_devices(k.upper())), "cpu"
            )
        found = tf.config.list_logical_devices(kind.upper())
        if not found:
            raise ValueError(f"TensorFlow has no devices of the kind {kind!r}.")
        return [f"{kind}:{number}" for number in range(len(found))]

    def native_mesh(self, devices, axis_names):
        from . import sharded

        names = [str(name) for name in devices.reshape(-1)]
        known = self.device_names(names[0].partition(":")[0])
        if unknown := [name for name in names if name not in known]:
            raise ValueError(
                f"There is no device {unknown[0]!r}; TensorFlow sees {', '.join(known)}. One CPU "
                "becomes several by tf.config.set_logical_device_configuration, before anything "
                "is computed."
            )
        return sharded.mesh(names, devices.shape, axis_names)

    def native_layout(self, mesh, axes):
        from . import sharded

        return sharded.layout(mesh, axes)

    def distribute(self, x, layout):
        from . import sharded

        return processes.with_others(sharded.distributed)(x, layout)

    def value_of_parts(self, shape, dtype, layout, read, trainable, memory_format):
        from . import sharded

        return sharded.of_slices(shape, layout, lambda s: self.asarray(read(s), dtype), trainable)

    def parts_of(self, x):
        sharded = spread()
        x = tf.convert_to_tensor(x)
        if sharded is None or sharded.layout_of(x) is None:
            if processes.place[1]:  # the same in all processes, and written by the first
                return elsewhere(self.to_numpy(x).shape)
            return super().parts_of(x)  # pyright: ignore[reportAttributeAccessIssue]
        return parts(
            (starts, sizes, number, None if part is None else partial(self.to_numpy, part))
            for starts, sizes, number, part in processes.with_others(sharded.held_parts)(x)
        )

    def exchanged(self, text):
        return processes.exchanged(text) if processes.joined() else [text]

    def join_parts(self, x, layout):
        from . import sharded

        return sharded.of_parts(x, layout)


def spread() -> Any:
    """The module of DTensors, where a mesh has been made; else None."""
    return sys.modules.get(f"{__package__}.sharded")


def on_a_mesh():
    """Whether what is called now is traced into a program of DTensors."""
    sharded = spread()
    return sharded is not None and sharded.in_use()


def on_each_device(x):
    """A tensor of a program of DTensors whole on each device; any other as it is."""
    sharded = spread()
    return x if sharded is None else sharded.replicated(x)


def by_rows(x):
    """A tensor of a program of DTensors, cut as batches are; any other as it is.

    What comes later asks for cuts of its own, which a convolution takes for its result's and does
    not make.
    """
    return spread().by_rows(x, config.distribution()) if on_a_mesh() else x


def on_mesh_of(variables):
    """The mesh on which variables lie; None for one device."""
    sharded = spread()
    return None if sharded is None else sharded.mesh_of(variables)


def sharded_program(function, variables, mesh):
    """A program of DTensors of a mesh, which reads and assigns variables.

    Their values go through it as tensors, and are assigned at its end: of a variable that was
    assigned a program of DTensors reads the value before.
    """

    def pure(*args, **kwargs):
        natives = {id(v): v.native for v in variables}
        before = {key: native.read_value() for key, native in natives.items()}
        held = dict(before)
        with entered(substitutes=held):
            out = function(*args, **kwargs)
        if len(held) > len(natives):
            raise ValueError(_UNKNOWN_IN_STEP)
        for key, value in held.items():
            if value is not before[key]:
                natives[key].assign(value)
        return out

    program = tf.function(pure, autograph=False)

    def run(*args, **kwargs):
        with spread().on(mesh):
            return program(*args, **kwargs)

    return processes.with_others(run)


def as_one_device_has_it(x):
    """A tensor or variable, whole."""
    sharded = spread()
    if sharded is None or sharded.layout_of(x) is None:
        return tf.convert_to_tensor(x)
    return processes.with_others(sharded.whole)(x)
