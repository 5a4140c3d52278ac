"""Tensors over many devices: JAX's sharded arrays."""

from typing import Any

import jax
import jax.core
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


class JaxDistribution:
    """Meshes, shardings, and arrays that lie on several devices."""

    has_sharded_tensors = True
    _native: Any

    def device_names(self, kind):
        try:
            devices = jax.devices(kind)
        except RuntimeError as error:
            raise ValueError(f"JAX has no devices of the kind {kind!r}: {error}") from error
        return [f"{device.platform}:{device.id}" for device in devices]

    def process_place(self):
        return jax.process_count(), jax.process_index()

    def join_processes(self, addresses, count, number):
        # The first process coordinates.
        jax.distributed.initialize(
            coordinator_address=addresses and addresses.split(",")[0],
            num_processes=count,
            process_id=number,
        )

    def native_mesh(self, devices, axis_names):
        flat = [_device(str(name)) for name in devices.reshape(-1)]
        return Mesh(np.array(flat).reshape(devices.shape), axis_names)

    def native_layout(self, mesh, axes):
        return NamedSharding(mesh, PartitionSpec(*axes))

    def distribute(self, x, layout):
        if isinstance(x, jax.core.Tracer):
            return jax.lax.with_sharding_constraint(x, layout)
        if isinstance(x, jax.Array) and x.sharding.is_equivalent_to(layout, x.ndim):
            return x
        if layout.is_fully_addressable:
            return jax.device_put(x, layout)
        # Each process has the whole value, and gives its devices their parts.
        whole = np.asarray(x)
        return jax.make_array_from_callback(whole.shape, layout, lambda part: whole[part])

    def value_of_parts(self, shape, dtype, layout, read, trainable, memory_format):
        def part(slices):
            return np.asarray(read(slices), self._native[dtype])

        return jax.make_array_from_callback(tuple(shape), layout, part)

    def join_parts(self, x, layout):
        return jax.make_array_from_process_local_data(layout, np.asarray(x))


def _device(name):
    kind, _, number = name.partition(":")
    for device in jax.devices(kind):
        if device.id == int(number or 0):
            return device
    seen = ", ".join(f"{d.platform}:{d.id}" for d in jax.devices(kind))
    raise ValueError(f"There is no device {name!r}; JAX sees {seen}.")


def spread(x):
    """Whether an array lies on several devices."""
    return not isinstance(x, jax.core.Tracer) and len(x.sharding.device_set) > 1


def gathered(x):
    """An array of which this process may have a part alone, whole, as NumPy's."""
    if x.is_fully_addressable or x.is_fully_replicated:
        return np.asarray(x)
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(x, tiled=True))
