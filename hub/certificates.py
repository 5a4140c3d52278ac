"""Certificates: what `verify` found, written down so that another machine can check it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..framework.files import write_atomically
from .errors import HubError
from .fetch import files_beside
from .loading import find_preset, read_json
from .parity import NOISE, TOLERATED, Report
from .registry import source_of_name

FORMAT = "isozoo.parity/1"
_PACKAGES = ("isozoo", "numpy", "jax", "jaxlib", "torch", "tensorflow", "scipy")
# Two float64 runs differ by the order of their sums: some roundings of 2^-53, even where a sum of
# millions cancels to a thousandth. A wrong weight or input differs by far more.
_SAME_REFERENCE = 1e-9


@dataclass(frozen=True)
class Difference:
    """One thing that is not as a certificate says.

    Attributes:
        what: what was compared.
        then: as the certificate has it.
        now: as it was found.
        matters: whether the model or its results are others; what does not matter explains.
    """

    what: str
    then: Any
    now: Any
    matters: bool

    def __str__(self) -> str:
        mark = "DIFFERS" if self.matters else "note"
        return f"{mark}: {self.what}: {_short(self.now)}, the certificate says {_short(self.then)}"


def certificate(report: Report) -> dict[str, Any]:
    """Returns a report with all that another machine needs to check it, as plain data.

    That is: the hashes of the model's files and of the inputs, versions, machine, devices and
    precisions, errors of each output and layer against float64, numbers of the float64 run, and
    decisions.
    """
    return {
        "format": FORMAT,
        **report.to_dict(),
        "files": dict(report.files),
        "inputs_sha256": report.inputs_sha256,
        "reference": {name: list(numbers) for name, numbers in report.reference.items()},
        **measured_on(),
    }


def measured_on() -> dict[str, Any]:
    """Returns `versions` of what computes here and the `machine`, as plain data."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "versions": {"python": platform.python_version(), **versions},
        "machine": {"system": platform.system(), "machine": platform.machine(), "cpu": _cpu()},
    }


def write_certificate(report: Report, path: str | os.PathLike[str], *, layers: bool = True) -> Path:
    """Writes `certificate(report)` to a JSON file, whole or not at all.

    Args:
        report: what `verify` found.
        path: the file.
        layers: whether the errors of single layers are kept, which are most of the file.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    found = certificate(report)
    if not layers:
        found["layers"] = []
    text = json.dumps(found, indent=1, default=_plain)
    write_atomically(path, (text + "\n").encode())
    return path


def published_certificate(name: str | os.PathLike[str], *, offline: bool | None = None) -> Path:
    """Returns the path of the certificate that was published with a model.

    Args:
        name: a preset, `hf://org/name[@revision]`, or a folder.
        offline: as in `resolve`.

    Raises:
        HubError: none was published, or the model cannot be had.
    """
    preset, source = find_preset(name, offline=offline), source_of_name(name)
    path = preset.certificate
    if source is not None:
        path = files_beside(preset, source, "parity.json", offline=offline).get("parity.json")
    if path is None:
        raise HubError(
            f"no certificate was published with {name}: name a file, or make one by "
            f"`isozoo verify {name} --write parity.json`"
        )
    return path


def compare_certificate(report: Report, path: str | os.PathLike[str]) -> list[Difference]:
    """Returns what differs between a certificate and a report made here; those that matter first.

    Errors may be up to four times those of the certificate, as between backends; below two
    roundings they are luck.

    Raises:
        HubError: the file is no certificate.
    """
    path = Path(path)
    then = read_json(path, path.name)
    if then.get("format") != FORMAT:
        raise HubError(f"{path} is no certificate: its format is not {FORMAT!r}")
    now = json.loads(json.dumps(certificate(report), default=_plain))
    try:
        found = [*_of_model(then, now), *_of_results(then, now), *_of_place(then, now)]
    except (KeyError, TypeError, AttributeError) as error:
        raise HubError(f"{path} is no certificate: {error!r}") from error
    return sorted(found, key=lambda one: not one.matters)


def _of_model(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    found = []
    for name, sha256 in then["files"].items():
        if now["files"] and now["files"].get(name) != sha256:
            found.append(Difference(f"file {name}", sha256, now["files"].get(name), True))
    if then["inputs_sha256"] != now["inputs_sha256"]:
        found.append(Difference("inputs", then["inputs_sha256"], now["inputs_sha256"], True))
    return found


def _of_results(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    found = []
    for name, numbers in then["reference"].items():
        mine = now["reference"].get(name)
        if not _same(numbers, mine):
            found.append(
                Difference(f"float64 values of {name}", numbers[:4], mine and mine[:4], True)
            )
    if now["decisions"].get("float64") != then["decisions"].get("float64"):
        told = then["decisions"].get("float64"), now["decisions"].get("float64")
        found.append(Difference("decisions in float64", *told, True))
    for name in now["backends"]:
        if now["decisions"].get(name) != now["decisions"].get("float64"):
            told = now["decisions"].get("float64"), now["decisions"].get(name)
            found.append(Difference(f"decisions of {name}", *told, True))
    for kind, matters in (("outputs", True), ("layers", False)):
        earlier = {row["name"]: row for row in then[kind]}
        for row in now[kind]:
            if row["name"] not in earlier:
                continue
            best = max(min(earlier[row["name"]]["errors"].values()), NOISE)
            plain = earlier[row["name"]].get("plain") or row.get("plain") or 0.0
            allowed = TOLERATED * max(best, plain)
            for backend, error in row["errors"].items():
                if not error <= allowed:
                    what = f"error of {row['name']} on {backend}"
                    found.append(Difference(what, round(best, 2), round(error, 2), matters))
    missing = [name for name in then["backends"] if name not in now["backends"]]
    if missing:
        found.append(Difference("backends that were not run", missing, [], False))
    return found


def _of_place(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(f"{part} {name}", value, now[part].get(name), False)
        for part in ("versions", "machine")
        for name, value in then[part].items()
        if now[part].get(name) != value
    ]


def _same(left: list[float], right: list[float] | None) -> bool:
    if right is None or len(left) != len(right):
        return False
    scale = max([abs(x) for x in left], default=0.0)
    return all(abs(a - b) <= _SAME_REFERENCE * scale for a, b in zip(left, right, strict=True))


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = [line for line in file if line.startswith("model name")]
        return lines[0].partition(":")[2].strip()
    except (OSError, IndexError):
        return platform.processor()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "..."
