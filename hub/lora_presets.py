"""Low-rank adapters as presets of their own: a small folder that names its base by hash.

The folder holds `adapter.safetensors` (see `isozoo.lora`) and `adapter.json`: the base, the sha256
of the base's files, the task, and the arguments and names of classes that the head needs.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..framework.folders import files_of, new_folder
from .cache import Cache
from .errors import HubError, IntegrityError
from .loading import ADAPTER_CONFIG as CONFIG
from .loading import ADAPTER_WEIGHTS as WEIGHTS
from .loading import fetch_preset, load_preset, read_json
from .preset import SHA256, Folder, LocalPreset
from .registry import source_of_name

FORMAT = "isozoo.adapter/1"


def save_adapter(
    model: Any,
    folder: str | os.PathLike[str],
    base: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    offline: bool | None = None,
) -> list[Path]:
    """Writes a model's adapters, and what else trains, as a preset that stands on its base.

    Args:
        model: a task's model with adapters; see `isozoo.lora.enable`.
        folder: the folder that is made; `from_preset` takes it.
        base: a preset's name, or `hf://org/name[@revision]`, from which the model was made.
        arguments: what `from_preset` was given besides, such as `num_classes`; the number of
            classes is known without.
        offline: see `from_preset`.

    Returns:
        The files written.

    Raises:
        HubError: the base is a folder of this machine, or cannot be had.
        ValueError: the model has no adapters.
        FileExistsError: the folder has files already.
    """
    from ..framework import lora

    local = _base(base, offline)
    cache = Cache()
    given = dict(arguments or {})
    if "num_classes" not in given and hasattr(model, "num_classes"):
        given["num_classes"] = model.num_classes
    commit = f"@{local.commit}" if base.startswith("hf://") and local.commit else ""
    labels = getattr(model, "labels", None)
    config = {
        "format": FORMAT,
        "base": base.partition("@")[0] + commit if commit else base,
        "base_files": {name: cache.digests(path).sha256 for name, path in local.paths.items()},
        "task": model.task,
        "arguments": given,
        "labels": None if labels is None else list(labels),
    }
    with new_folder(folder) as place:
        lora.save(model, place / WEIGHTS)
        text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
        (place / CONFIG).write_text(text, "utf-8")
        written = files_of(place)
    return [Path(folder) / name for name in written]


def _base(base: str, offline: bool | None) -> LocalPreset:
    if isinstance(source_of_name(base), Folder):
        raise HubError(
            f"the base {base} is a folder of this machine, which nobody else has: publish it, and "
            "name it as hf://org/name; or write the merged model with save_to_preset"
        )
    return fetch_preset(base, offline=offline)


def load_adapter(local: LocalPreset, **options: Any) -> Any:
    """Loads the base that an adapter names, compares its files, and puts the adapter on it.

    Args:
        local: the adapter's files.
        **options: see `load_preset`; `task` must be the adapter's own.

    Raises:
        HubError: adapter.json is malformed, names a folder as its base, or asks for another task.
        IntegrityError: the base has other files than the adapter was trained on.
        ValueError: the adapter does not fit the base.
    """
    from ..framework import lora

    config = _config(local)
    wanted = options.pop("task", None)
    if wanted not in (None, "", config["task"]):
        raise HubError(f"{local.preset.name} is an adapter for {config['task']}, not for {wanted}")
    fetching: dict[str, Any] = {key: options.get(key) for key in ("offline", "progress")}
    base = fetch_preset(config["base"], **fetching)
    cache = Cache()
    for name, sha256 in config["base_files"].items():
        path = base.paths.get(name)
        found = cache.digests(path).sha256 if path is not None else "missing"
        if found != sha256:
            what = f"{name} of the base {config['base']}"
            advice = "The adapter was trained on other weights; find the revision that it names"
            raise IntegrityError(what, "sha256", sha256, found, advice)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*begin with new values")
        model = load_preset(
            config["base"], task=config["task"], **{**config["arguments"], **options}
        )
    lora.load(model, local.paths[WEIGHTS])
    if config["labels"] is not None:
        model.labels = config["labels"]
    return model


def _config(local: LocalPreset) -> dict[str, Any]:
    config = read_json(local.paths[CONFIG], CONFIG)
    kinds = {"base": str, "base_files": dict, "task": str, "arguments": dict}
    if config.get("format") != FORMAT or not all(
        isinstance(config.get(key), kind) for key, kind in kinds.items()
    ):
        raise HubError(f"{local.paths[CONFIG]} is no description of an adapter of {FORMAT}")
    # A folder or an address that a file names is never opened.
    if not config["base"].startswith("hf://") and source_of_name(config["base"]) is not None:
        raise HubError(f"{CONFIG} names the folder {config['base'][:80]!r} as its base")
    labels = config.setdefault("labels", None)
    if labels is not None and not (
        isinstance(labels, list) and all(isinstance(name, str) for name in labels)
    ):
        raise HubError(f"{CONFIG} has labels that are no texts")
    if not all(SHA256.fullmatch(str(sha256)) for sha256 in config["base_files"].values()):
        raise HubError(f"{CONFIG} has malformed hashes")
    plain = (str, int, float, bool, type(None))
    if not all(isinstance(value, plain) for value in config["arguments"].values()):
        raise HubError(f"{CONFIG} has arguments that are neither numbers nor texts")
    return config
