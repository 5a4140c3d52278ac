"""Processes that work together: the clients of one cluster of DTensor."""

import os
from typing import Any

import numpy as np
import tensorflow as tf

from ..spread_parts import MAX_TEXT, lost, meeting_seconds, silence_seconds

# How many processes there are, and the number of this one.
place = [1, 0]
# Errors of collectives that wait for a process that is gone.
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
)
# What an internal error says that is one of these.
_WORDS = ("collective", "broadcast", "reduc", "gather", "task", "Socket closed")
_mesh = []  # of all devices, for words that processes exchange


def joined():
    """Whether this process belongs to a cluster."""
    return place[0] > 1


def join(addresses, count, number):
    """Joins the processes at "host:port,host:port", of which this is the `number`th."""
    from tensorflow.experimental import dtensor  # pyright: ignore[reportMissingModuleSource]
    from tensorflow.python.eager import context

    if joined():
        raise RuntimeError("initialize: this process belongs to a cluster already. Call it once.")
    addresses = addresses or os.environ.get("DTENSOR_JOBS", "")
    jobs = [one for one in addresses.split(",") if one]
    if number is None and "DTENSOR_CLIENT_ID" in os.environ:
        number = int(os.environ["DTENSOR_CLIENT_ID"])
    if not jobs or number is None or count not in (None, len(jobs)):
        raise ValueError(
            "initialize: TensorFlow needs the address of each process and the number of this one: "
            "initialize(job_addresses='host:port,host:port', process_id=0). Got the addresses "
            f"{addresses!r}, {count} processes, and the number {number}."
        )
    if not 0 <= number < len(jobs):
        raise ValueError(
            f"initialize: process_id is {number}, and there are {len(jobs)} processes: it must be "
            f"from 0 to {len(jobs) - 1}."
        )
    if len(jobs) == 1:
        return
    os.environ.update(DTENSOR_JOBS=",".join(jobs), DTENSOR_CLIENT_ID=str(number))
    silence = round(silence_seconds() * 1000)
    ours: Any = context.context()
    ours.configure_coordination_service(
        "standalone",
        f"/job:{dtensor.full_job_name(0)}",
        cluster_register_timeout_in_ms=round(meeting_seconds() * 1000),
        heartbeat_timeout_in_ms=silence,
        shutdown_barrier_timeout_in_ms=silence,
    )
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    try:
        dtensor.initialize_accelerator_system(kind, enable_coordination_service=False)
    except ValueError as error:
        raise RuntimeError(
            "initialize: TensorFlow has computed something already. Call it before anything else, "
            f"and before devices are listed. ({error})"
        ) from error
    except tf.errors.OpError as error:
        raise RuntimeError(
            f"initialize: the {len(jobs)} processes did not meet at {addresses} within "
            f"{meeting_seconds():g} s; this is process {number}. See whether all were started, "
            "with the same addresses, each with a number of its own "
            f"({str(error).splitlines()[0]})."
        ) from error
    place[:] = [len(jobs), number]


def exchanged(text):
    """What each process gives, by their numbers."""
    from . import sharded

    count, _ = place
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if not _mesh:
        names = sharded.global_names(kind)
        _mesh.append(sharded.mesh(names, (len(names),), ["all"]))
    (mesh,) = _mesh
    mine = np.frombuffer(text.encode()[:MAX_TEXT].ljust(MAX_TEXT, b"\0"), np.uint8)
    rows = tf.constant(mine[None].astype("int32"))
    given = sharded.packed([rows] * mesh.num_local_devices(), sharded.layout(mesh, ["all", None]))
    found = with_others(lambda: sharded.whole(given).numpy())().astype(np.uint8)
    found = found[:: len(found) // count]  # each of its devices has the same
    return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in found]


def with_others(function):
    """A function that all processes call; one that is gone is a clear error."""
    if not joined():
        return function

    def run(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except _GONE as error:
            internal = isinstance(error, tf.errors.InternalError)
            if internal and not any(word in str(error) for word in _WORDS):
                raise
            raise lost(place[0], place[1], error) from error

    return run
