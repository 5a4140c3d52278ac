"""Processes that work together, and the backend's part of tensors over many of them."""

import os
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from ..spread_parts import MAX_TEXT, elsewhere, lost, meeting_seconds, parts, silence_seconds
from . import watching


class TorchDistribution:
    """Meshes of processes, one device to each, and tensors of which each process holds its part.

    An op of torch's DTensors computes what it computes of the whole tensors: a loss is that of the
    whole batch, and so are statistics, masks and metrics.
    """

    has_sharded_tensors = True
    asarray: Any
    to_numpy: Any
    float_types: Any

    def device_names(self, kind):
        own = "gpu" if torch.cuda.is_available() else "cpu"
        kind = {None: own, "cuda": "gpu"}.get(kind, kind)
        if kind not in ("cpu", own):
            raise ValueError(f"torch has no devices of the kind {kind!r}; it has {own}s.")
        here = torch.cuda.device_count() if kind == "gpu" else 1
        count = dist.get_world_size() if joined() else here
        return [f"{kind}:{number}" for number in range(count)]

    def process_place(self):
        return (dist.get_world_size(), dist.get_rank()) if joined() else (1, 0)

    def join_processes(self, addresses, count, number):
        if joined():
            raise RuntimeError(
                "initialize: this process belongs to a torch.distributed group already. Call it "
                "once, or use the group that there is."
            )
        count, number = _number("WORLD_SIZE", count), _number("RANK", number)
        if count is None or number is None:
            raise ValueError(
                "initialize: it is not known how many processes there are, and which one this is. "
                "Start the program by torchrun (torchrun --nproc-per-node 2 program.py), or give "
                "job_addresses, num_processes and process_id."
            )
        if not 0 <= number < count:
            raise ValueError(
                f"initialize: process_id is {number}, and there are {count} processes: it must be "
                f"from 0 to {count - 1}."
            )
        place = f"tcp://{addresses.split(',')[0]}" if addresses else "env://"
        wait = timedelta(seconds=meeting_seconds())
        try:
            met = dist.rendezvous(place, number, count, timeout=wait)  # pyright: ignore
            store, number, count = next(iter(met))
        except (dist.DistStoreError, dist.DistNetworkError) as error:  # pyright: ignore
            raise RuntimeError(
                f"initialize: the {count} processes did not meet at {addresses or place} within "
                f"{wait.total_seconds():g} s; this is process {number}. See whether all were "
                "started, with the same address and the same count, each with a number of its own "
                f"({str(error).splitlines()[0]})."
            ) from error
        kinds = "gloo"
        if torch.cuda.is_available():
            kinds = "cpu:gloo,cuda:nccl"
            local = int(os.environ.get("LOCAL_RANK", number % torch.cuda.device_count()))
            torch.cuda.set_device(local)
        watch = watching.Watch(store, count, number, silence_seconds())
        store = dist.PrefixStore("isozoo", store)
        with watch.connecting():
            dist.init_process_group(kinds, store=store, rank=number, world_size=count)
        watch.begin()

    def native_mesh(self, devices, axis_names):
        from . import sharded

        names = [str(name) for name in devices.reshape(-1)]
        kinds = {name.partition(":")[0] for name in names}
        numbers = [int(name.partition(":")[2] or 0) for name in names]
        count, _ = self.process_place()
        if len(kinds) > 1 or sorted(numbers) != list(range(count)):
            raise ValueError(
                f"On torch each process has one device of a mesh: this mesh has "
                f"{', '.join(names)}, and there are {count} processes, with "
                f"{', '.join(self.device_names(min(kinds))[:count])}. Start as many processes as "
                "the mesh has devices (torchrun --nproc-per-node), and call "
                "isozoo.distribution.initialize() in each before anything else."
            )
        with watching.current[0].connecting() if watching.current else nullcontext():
            return sharded.mesh(kinds.pop(), numbers, devices.shape, axis_names)

    def native_layout(self, mesh, axes):
        from . import sharded

        return sharded.layout(mesh, axes)

    def distribute(self, x, layout):
        from . import sharded

        return sharded.distributed(x, layout)

    def value_of_parts(self, shape, dtype, layout, read, trainable, memory_format):
        from . import sharded
        from .neural import arrange

        def part(slices):
            # A copy: the part alone stays in memory, and not the file that it is a view of.
            return arrange(self.asarray(np.array(read(slices)), dtype), memory_format)

        like = arrange(torch.empty(tuple(shape), device="meta"), memory_format)
        made = sharded.of_slices(like, layout, part)
        floats = made.dtype in self.float_types
        return torch.nn.Parameter(made) if trainable and floats else made

    def parts_of(self, x):
        if is_spread(x):
            from . import sharded

            held = sharded.held_parts(x.detach())
            return parts(
                (starts, sizes, number, None if here is None else partial(self.to_numpy, here))
                for starts, sizes, number, here in held
            )
        # A plain tensor is the same in all processes.
        if joined() and dist.get_rank():
            return elsewhere(x.shape)
        return super().parts_of(x)  # pyright: ignore[reportAttributeAccessIssue]

    def exchanged(self, text):
        return with_others(_exchanged)(text) if joined() else [text]

    def join_parts(self, x, layout):
        from . import sharded

        return sharded.of_parts(x, layout)


def _exchanged(text):
    given = torch.frombuffer(
        bytearray(text.encode()[:MAX_TEXT].ljust(MAX_TEXT, b"\0")), dtype=torch.uint8
    )
    found = [torch.empty_like(given) for _ in range(dist.get_world_size())]
    dist.all_gather(found, given)
    return [bytes(row.numpy()).rstrip(b"\0").decode(errors="replace") for row in found]


def joined():
    """Whether this process belongs to a group."""
    return dist.is_available() and dist.is_initialized()


def _number(name, given):
    if given is not None:
        return given
    found = os.environ.get(name)
    return None if found is None else int(found)


# The meshes that were made: without any nobody asks a tensor what it is.
meshes = []


def is_spread(x):
    """Whether a tensor is a DTensor, of which this process may have a part alone."""
    return bool(meshes) and type(x) is not torch.Tensor and hasattr(x, "device_mesh")


def looked_up(table, indices):
    """Rows of a table, which may be spread over processes."""
    if not is_spread(table):
        return torch.nn.functional.embedding(indices, table)
    from . import sharded

    return sharded.looked_up(table, indices)


# What gloo and NCCL say when another process is gone or does not come.
_GONE = ("gloo/transport", "Connection closed by peer", "Connection reset by peer", "Broken pipe")


def is_lost(error):
    """Whether an error says that another process of the group is gone."""
    known = (dist.DistBackendError, dist.DistNetworkError)  # pyright: ignore
    if any(watch.silent is not None for watch in watching.current):
        return True
    return isinstance(error, known) or any(words in str(error) for words in _GONE)


def with_others(function):
    """A function that all processes call; one that is gone is a clear error."""

    def run(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:
            if not joined() or not is_lost(error):
                raise
            silent = next((watch.silent for watch in watching.current), None)
            raise lost(dist.get_world_size(), dist.get_rank(), error, silent) from error

    return run
