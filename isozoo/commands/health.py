"""audit and doctor: what a foreign model would do, and what this machine can do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Callable
from typing import Any

from .output import NO, print_json, show, size

CAUTION = 5
"""Exit code of `audit` for what should be looked at; danger is NO."""
_EXTRAS = {
    "images": "PIL",
    "audio": "soundfile",
    "h5": "h5py",
    "onnx": "onnx",
    "plots": "matplotlib",
    "orbax": "orbax",
    "tensorboard": "tensorboard",
    "sklearn": "sklearn",
}


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this room."""
    made = command(
        "audit",
        _audit,
        "Tell what a model's files are, and what would run if they were loaded; loads nothing. "
        "Exit code 1 for danger, 5 for caution.",
        "isozoo audit model.pt",
    )
    made.add_argument("subject", metavar="FILE|FOLDER|hf://ORG/NAME")
    made.add_argument("--offline", action="store_true", default=None, help="do not use the network")
    command(
        "doctor",
        _doctor,
        "Tell what is installed, which devices each backend sees, and how the cache is.",
        "isozoo doctor --json",
    )


def _audit(arguments: Any) -> int:
    from ..hub.auditing import audit

    found = audit(arguments.subject, offline=arguments.offline)
    if arguments.json:
        print_json(found.to_dict())
    else:
        for file in found.files:
            tensors = (
                f"  {file.tensors} tensors, {file.parameters:,} numbers" if file.tensors else ""
            )
            print(f"{file.name}  {file.form}  {size(file.size)}  {file.sha256[:16]}{tensors}")
        print(f"licence: {found.license or '(none told)'}")
        for one in found.findings:
            print(f"{one.level}: {one.file + ' ' if one.file else ''}{one.what}")
    return {"danger": NO, "caution": CAUTION}.get(found.level, 0)


def _doctor(arguments: Any) -> int:
    from .. import __version__
    from ..hub.cache_keeping import list_blobs
    from ..hub.errors import HubError

    found: dict[str, Any] = {
        "isozoo": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "backends": {name: _backend(name) for name in ("jax", "torch", "tensorflow", "numpy")},
    }
    missing = [extra for extra, module in _EXTRAS.items() if not importlib.util.find_spec(module)]
    try:
        from ..framework.files import cache_root

        root, blobs = cache_root(), list_blobs()
        existing = next(p for p in (root, *root.parents) if p.exists())
        found["cache"] = {
            "folder": str(root),
            "files": len(blobs),
            "bytes": size(sum(blob.size for blob in blobs)),
            "can be written": os.access(existing, os.W_OK),
            "free on its disk": size(shutil.disk_usage(existing).free),
        }
    except HubError as error:
        found["cache"] = {"problem": str(error)}
    found["advice"] = _advice(found, missing)
    show(found, arguments.json)
    return 0 if any(entry.get("version") for entry in found["backends"].values()) else NO


def _backend(name: str) -> dict[str, Any]:
    if importlib.util.find_spec(name) is None:
        return {"missing": f"pip install 'isozoo[{name}]'"}
    entry: dict[str, Any] = {"version": importlib.metadata.version(name)}
    try:
        from ..framework.backends import registry

        entry["devices"] = registry.get(name).device_names(None)
    except Exception as error:  # a framework that is broken is what a doctor is for
        entry["problem"] = f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"
    return entry


def _advice(found: dict[str, Any], missing: list[str]) -> list[str]:
    said = []
    frameworks = [name for name, entry in found["backends"].items() if entry.get("version")]
    if frameworks == ["numpy"]:
        said.append("install a backend that compiles and trains: pip install 'isozoo[torch]'")
    for name, entry in found["backends"].items():
        if "problem" in entry:
            said.append(f"{name} is installed and does not work: reinstall it")
    if missing:
        said.append(f"for more, pip install 'isozoo[{','.join(missing)}]'")
    return said
