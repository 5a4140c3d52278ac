"""Tensors over many devices: JAX's sharded arrays."""

from functools import partial
from typing import Any

import jax
import jax.core
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..spread_parts import MAX_TEXT, elsewhere, lost, meeting_seconds, parts, silence_seconds

# What gloo says when another process is gone.
_GONE = ("Gloo ", "Connection closed by peer", "Connection reset by peer", "coordination service")


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
        # The first process coordinates. It ends all once one is silent for so many seconds, and
        # JAX has no error for that but to say so and abort.
        silence = max(1, round(silence_seconds()))
        jax.distributed.initialize(
            coordinator_address=addresses and addresses.split(",")[0],
            num_processes=count,
            process_id=number,
            initialization_timeout=max(1, round(meeting_seconds())),
            heartbeat_timeout_seconds=silence,
            shutdown_timeout_seconds=silence,
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

    def spec_of_parts(self, shape, dtype, layout):
        return jax.ShapeDtypeStruct(tuple(shape), dtype, sharding=layout)

    def parts_of(self, x):
        if not spread(x):  # alike in each process, and written by the first
            if jax.process_index():
                return elsewhere(x.shape)
            return super().parts_of(x)  # pyright: ignore[reportAttributeAccessIssue]
        numbers = {device: number for number, device in enumerate(jax.devices(platform_of(x)))}
        here = {shard.device: shard.data for shard in x.addressable_shards}
        held = []
        for device, slices in x.sharding.devices_indices_map(x.shape).items():
            bounds = [s.indices(n)[:2] for s, n in zip(slices, x.shape, strict=True)]
            read = partial(np.asarray, here[device]) if device in here else None
            starts, sizes = tuple(a for a, _ in bounds), tuple(b - a for a, b in bounds)
            held.append((starts, sizes, numbers[device], read))
        return parts(held)

    def exchanged(self, text):
        if jax.process_count() == 1:
            return [text]
        from jax.experimental import multihost_utils

        given = np.frombuffer(text.encode()[:MAX_TEXT].ljust(MAX_TEXT, b"\0"), np.uint8)
        found = with_others(multihost_utils.process_allgather)(given)
        return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in np.asarray(found)]

    def join_parts(self, x, layout):
        return jax.make_array_from_process_local_data(layout, np.asarray(x))


def _device(name):
    kind, _, number = name.partition(":")
    for device in jax.devices(kind):
        if device.id == int(number or 0):
            return device
    seen = ", ".join(f"{d.platform}:{d.id}" for d in jax.devices(kind))
    raise ValueError(f"There is no device {name!r}; JAX sees {seen}.")


def platform_of(x):
    """The kind of device on which an array lies."""
    return next(iter(x.sharding.device_set)).platform


def spread(x):
    """Whether an array lies on several devices."""
    return not isinstance(x, jax.core.Tracer) and len(x.sharding.device_set) > 1


def gathered(x):
    """An array of which this process may have a part alone, whole, as NumPy's."""
    if x.is_fully_addressable or x.is_fully_replicated:
        return with_others(np.asarray)(x)
    from jax.experimental import multihost_utils

    return np.asarray(with_others(multihost_utils.process_allgather)(x, tiled=True))


def with_others(function):
    """A function that all processes call; one that is gone is a clear error."""
    if jax.process_count() == 1:
        return function

    def run(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except jax.errors.JaxRuntimeError as error:
            if not any(words in str(error) for words in _GONE):
                raise
            raise lost(jax.process_count(), jax.process_index(), error) from error

    return run
