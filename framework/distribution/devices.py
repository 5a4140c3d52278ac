"""Which devices there are, and how several processes meet."""

import os

from ..backends import registry

_ADDRESSES = "DISTRIBUTION_JOB_ADDRESSES"
_PROCESSES = "DISTRIBUTION_NUM_PROCESSES"
_PROCESS = "DISTRIBUTION_PROCESS_ID"


def list_devices(device_type: str | None = None) -> list[str]:
    """Returns the names of the current backend's devices, such as "cpu:0" or "gpu:1".

    With several processes these are the devices of all.

    Args:
        device_type: "cpu", "gpu" or "tpu"; if None, the accelerators if there are any, else the
            CPUs. Kinds are never mixed.

    Raises:
        ValueError: there is no device of that kind.
    """
    return registry.current().device_names(device_type.lower() if device_type else None)


def get_device_count(device_type: str | None = None) -> int:
    """Returns how many devices `list_devices` names."""
    return len(list_devices(device_type))


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Joins this process with others to one system; to be called before anything is computed.

    What is None is read from the environment variables `ISOZOO_DISTRIBUTION_JOB_ADDRESSES`,
    `..._NUM_PROCESSES` and `..._PROCESS_ID`, or those that begin with `KERAS_` instead.

    Args:
        job_addresses: "host:port" of each process, with commas between them; JAX and torch need
            that of the first one alone, TensorFlow all. May be None where the launcher tells the
            framework, as on cloud TPUs and under torchrun.
        num_processes: how many processes there are.
        process_id: the number of this one, from 0.

    Raises:
        ValueError: as many addresses as there are not processes, a number that is none of a
            process, or a backend whose devices are all of one process.
        RuntimeError: processes that do not come within a minute (`ISOZOO_DISTRIBUTION_TIMEOUT` is
            another number of seconds); on JAX its own error. One that later gives no sign of life
            for half a minute (`ISOZOO_DISTRIBUTION_SILENCE`) ends the others.
    """
    job_addresses = job_addresses or _setting(_ADDRESSES)
    if num_processes is None and (found := _setting(_PROCESSES)) is not None:
        num_processes = int(found)
    if process_id is None and (found := _setting(_PROCESS)) is not None:
        process_id = int(found)
    if job_addresses and "," in job_addresses:
        count = job_addresses.count(",") + 1
        if num_processes is not None and num_processes != count:
            raise ValueError(
                f"The provided job_addresses {job_addresses!r} have {count} jobs, but "
                f"num_processes is {num_processes}."
            )
    registry.current().join_processes(job_addresses, num_processes, process_id)


def _setting(name: str) -> str | None:
    return os.environ.get(f"ISOZOO_{name}", os.environ.get(f"KERAS_{name}"))
