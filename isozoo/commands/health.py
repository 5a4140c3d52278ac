"""audit and doctor: what a foreign model would do, and what this machine can do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Callable
from typing import Any

from ..framework.files import readable_size
from .output import NO, print_json, show

CAUTION = 5
"""Exit code of `audit` for what should be looked at; danger is NO."""
# Extra -> the module that it brings, and what it is for.
_EXTRAS = {
    "images": ("PIL", "to read and write pictures"),
    "audio": ("soundfile", "to read sound files"),
    "h5": ("h5py", "to read and write Keras's weights files"),
    "onnx": ("onnx", "to write ONNX files"),
    "sign": ("model_signing", "to sign presets, and to check signatures"),
    "timm": ("timm", "to convert nets of timm"),
    "openvino": ("openvino", "to write models for Intel's runtime"),
    "plots": ("matplotlib", "to draw curves and graphs as PNG files"),
    "constrained": ("llguidance", "to hold generated text to a form"),
    "dot": ("pydot", "to give graphs to Graphviz"),
    "catalog": ("jinja2", "to build the catalogue's pages"),
    "orbax": ("orbax", "to read and write Orbax's checkpoints"),
    "grain": ("grain", "to train from Grain's data pipelines"),
    "serve": ("uvicorn", "to answer requests over HTTP"),
    "sklearn": ("sklearn", "to use models as estimators of scikit-learn"),
    "tensorboard": ("tensorboard", "to write logs for TensorBoard"),
    "monitor": ("requests", "to send logs to a server while training"),
}


def add(command: Callable[..., Any]) -> None:
    """Declares the commands of this module."""
    made = command(
        "audit",
        _audit,
        "Tell what a model's files are, and what would run if they were loaded; loads nothing. "
        "Exit code 1 for danger, 5 for caution.",
        "isozoo audit model.pt",
    )
    made.add_argument("subject", metavar="SUBJECT", help="a file, a folder, or hf://org/name")
    made.offline()
    command(
        "doctor",
        _doctor,
        "Tell what is installed, which devices each backend sees, how the cache is, and what next.",
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
            print(
                f"{file.name}  {file.form}  {readable_size(file.size)}  {file.sha256[:16]}{tensors}"
            )
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
    missing = {
        extra: purpose
        for extra, (module, purpose) in _EXTRAS.items()
        if not importlib.util.find_spec(module)
    }
    try:
        from ..framework.files import cache_root

        root, blobs = cache_root(), list_blobs()
        existing = next(p for p in (root, *root.parents) if p.exists())
        found["cache"] = {
            "folder": str(root),
            "files": len(blobs),
            "bytes": readable_size(sum(blob.size for blob in blobs)),
            "can be written": os.access(existing, os.W_OK),
            "free on its disk": readable_size(shutil.disk_usage(existing).free),
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


def _advice(found: dict[str, Any], missing: dict[str, str]) -> list[str]:
    """What to do next: what mends comes first, then what adds."""
    said = []
    cache = found["cache"]
    if "problem" in cache or not cache["can be written"]:
        said.append("the cache cannot be used: set ISOZOO_CACHE to a folder that can be written")
    frameworks = [name for name, entry in found["backends"].items() if entry.get("version")]
    if frameworks == ["numpy"]:
        said.append("install a backend that compiles and trains: pip install 'isozoo[torch]'")
    for name, entry in found["backends"].items():
        if "problem" in entry:
            said.append(f"{name} is installed and does not work: reinstall it")
    said += [f"{purpose}: pip install 'isozoo[{extra}]'" for extra, purpose in missing.items()]
    return said
