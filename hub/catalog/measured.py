"""Certificates and benchmarks as a page shows them; both files are data from outside."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..certificates import FORMAT
from ..errors import HubError
from ..loading import read_json

_MAX_ROWS = 40
_MAX_DECISION = 1500  # characters


def certificate_of(path: Path, hashes: Mapping[str, str]) -> dict[str, Any]:
    """Returns what a page shows of a certificate.

    Args:
        path: a file of `isozoo verify --write`.
        hashes: name -> sha256 of the preset's files, as far as they are known.

    Raises:
        HubError: it is no certificate, or is about other files.
    """
    found = read_json(path, path.name)
    if found.get("format") != FORMAT:
        raise HubError(f"{path} is no certificate: its format is not {FORMAT!r}")
    try:
        for name, sha256 in found["files"].items():
            if name in hashes and hashes[name] != sha256:
                raise HubError(
                    f"{path} is about another {name}: its sha256 is {sha256}, the preset's "
                    f"{hashes[name]}. Make it anew by `isozoo verify NAME --write {path.name}`"
                )
        names = [str(name) for name in found["backends"]]
        rows = [
            {
                "output": str(row["name"]),
                "errors": [_number(row["errors"][name]) for name in names],
            }
            for row in found["outputs"][:_MAX_ROWS]
        ]
        return {
            "backends": names,
            "rows": rows,
            "equal": found["decisions_agree"] is True,
            "ok": found["ok"] is True,
            "decision": _decision(found["decisions"].get("float64")),
            "inputs": str(found["inputs_sha256"])[:16],
            **_place(found),
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise HubError(f"{path} is no certificate: {error!r}") from error


def benchmark_of(path: Path, name: str) -> dict[str, Any]:
    """Returns what a page shows of a benchmark.

    Args:
        path: what `isozoo bench NAME --json` printed.
        name: of the preset.

    Raises:
        HubError: it is no such file, or is about another preset.
    """
    found = read_json(path, path.name)
    try:
        if found["preset"] != name:
            raise HubError(f"{path} is about {found['preset']!r}, not {name!r}")
        timed = {
            str(backend): 1e3 * _number(times["median_s"])
            for backend, times in found["backends"].items()
            if "error" not in times
        }
        slowest = max(timed.values(), default=0.0)
        rows = [
            {"backend": backend, "ms": ms, "share": round(100 * ms / slowest, 1)}
            for backend, ms in sorted(timed.items(), key=lambda item: item[1])
        ]
        return {"rows": rows, **_place(found)}
    except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError) as error:
        raise HubError(
            f"{path} is not what `isozoo bench NAME --json` prints: {error!r}"
        ) from error


def _place(found: Mapping[str, Any]) -> dict[str, Any]:
    """Where it was measured: the processor's name, and versions."""
    machine, versions = found["machine"], found["versions"]
    names = [str(machine[key]) for key in ("cpu", "system", "machine") if machine.get(key)]
    return {
        "machine": ", ".join(names),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)


def _decision(value: Any) -> str:
    """The decision on the sample inputs, as it would be printed."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_DECISION else text[: _MAX_DECISION - 1] + "…"
