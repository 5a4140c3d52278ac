"""The card of a published model: what it is, how it is used, and the proof that it works."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import ChoiceError, HubError
from .inspection import PublishedFile
from .loading import ADAPTER, ADAPTER_CONFIG, PEFT, PEFT_CONFIG, read_json
from .preset import SAVED_MODEL, Preset
from .task_texts import task_text

NAME = "README.md"
CERTIFICATE = "parity.json"
CURVE = "history.png"
# The library that opens a layout, where it is another one.
_LIBRARIES = {"huggingface": "transformers", PEFT: "peft", SAVED_MODEL: "keras"}


def model_card(
    repository: str,
    preset: Preset,
    files: list[PublishedFile],
    *,
    license: str | None = None,
    base: str | None = None,
    description: str = "",
    folder: Path | None = None,
) -> str:
    """Returns the text of README.md for a repository of the hub.

    Args:
        repository: "org/name".
        preset: what the files are.
        files: what is published, with hashes.
        license: SPDX name, or "other".
        base: the model that it was trained from, "org/name".
        description: a sentence or two; a plain one is made where it is "".
        folder: where a certificate (`parity.json`) and a curve (`history.png`) may lie.

    Raises:
        HubError: no licence is known.
    """
    if base is None and preset.layout == ADAPTER and folder is not None:
        named = str(read_json(folder / ADAPTER_CONFIG, ADAPTER_CONFIG).get("base"))
        base = named.removeprefix("hf://").partition("@")[0] if "hf://" in named else None
    elif base is None and preset.layout == PEFT and folder is not None:
        base = read_json(folder / PEFT_CONFIG, PEFT_CONFIG).get("base_model_name_or_path")
    license = license or preset.license
    if not license:
        raise HubError(
            "a model is published under a licence: give its SPDX name (license='apache-2.0')"
        )
    return (
        "\n\n".join(
            [
                _front_matter(preset, license, base),
                f"# {repository.rpartition('/')[2]}",
                description or _description(preset),
                _usage(repository, preset),
                *_certificate(folder),
                *_curve(folder),
                _file_table(files),
            ]
        ).rstrip()
        + "\n"
    )


def _front_matter(preset: Preset, license: str, base: str | None) -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        license=license.lower(),
        library_name=_LIBRARIES.get(preset.layout, "isozoo"),
        pipeline_tag=task_text(preset.task).pipeline,
        tags=["isozoo", "jax", "pytorch", "tensorflow", "keras", preset.family or "lora"],
        base_model=base,
    )
    return f"---\n{data.to_yaml().strip()}\n---"


def _description(preset: Preset) -> str:
    if preset.layout in (ADAPTER, PEFT):
        return "Low-rank adapters; loading them loads their base, compared by its hash, too."
    if preset.layout == SAVED_MODEL:
        return "A model that `model.save` wrote. The same files serve JAX, PyTorch and TensorFlow."
    return (
        f"A model of the family {preset.family}, for the task {preset.task}. The same files serve "
        "JAX, PyTorch, TensorFlow and NumPy."
    )


def _usage(repository: str, preset: Preset) -> str:
    line = task_text(preset.task).line
    parts = [
        "## Use",
        "With isozoo (`pip install isozoo`), on JAX, PyTorch, TensorFlow or NumPy:",
        "```python\nimport isozoo\n\n"
        f'model = isozoo.from_preset("hf://{repository}", backend="jax")\n{line}\n```',
    ]
    if preset.layout == "huggingface" and preset.family not in ("published", "efficientnet_lite"):
        parts += [
            "With transformers:",
            "```python\nfrom transformers import AutoModel\n\n"
            f'model = AutoModel.from_pretrained("{repository}")\n```',
        ]
    if preset.layout == SAVED_MODEL:
        parts += [
            "With Keras:",
            f'```python\nimport keras\n\nmodel = keras.saving.load_model("hf://{repository}")\n```',
        ]
    return "\n\n".join(parts)


def _certificate(folder: Path | None) -> list[str]:
    path = folder / CERTIFICATE if folder is not None else None
    if path is None or not path.is_file():
        return []
    try:
        found = json.loads(path.read_text("utf-8"))
        backends, outputs = found["backends"], found["outputs"]
        head = "| output | " + " | ".join(backends) + " |"
        rows = [
            f"| {row['name']} | "
            + " | ".join(f"{row['errors'][backend]:.2f}" for backend in backends)
            + " |"
            for row in outputs
        ]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise HubError(f"{path} is no certificate: {str(error)[:120]}") from error
    return [
        "## Certificate",
        "Errors against a float64 run, in roundings of float32 (2^-24), root mean square; check "
        f"them by `isozoo verify FOLDER --against {CERTIFICATE}`.",
        "\n".join([head, "|---" * (len(backends) + 1) + "|", *rows]),
        f"Decisions of all backends: {'equal' if found.get('decisions_agree') else 'DIFFERENT'}.",
    ]


def _curve(folder: Path | None) -> list[str]:
    if folder is None or not (folder / CURVE).is_file():
        return []
    return ["## Training", f"![The losses of the training]({CURVE})"]


def _file_table(files: list[PublishedFile]) -> str:
    rows = [
        f"| {file.name} | {file.size} | `{file.sha256}` |" for file in files if file.name != NAME
    ]
    return "\n".join(["## Files", "", "| name | bytes | sha256 |", "|---|---|---|", *rows])


def check_card(text: str) -> Mapping[str, Any]:
    """Returns the metadata of a card's front matter.

    Raises:
        HubError: it has none, or no licence.
    """
    from huggingface_hub import ModelCard

    try:
        data = ModelCard(text).data.to_dict()
    except ValueError as error:
        raise HubError(f"{NAME} has no valid front matter: {str(error)[:160]}") from error
    named = data.get("license")
    if not named:
        raise HubError(f"{NAME} says no licence: add `license: …` to its front matter")
    for one in [named] if isinstance(named, str) else named:
        if not isinstance(one, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,60}", one):
            raise ChoiceError(
                f"{str(one)[:80]!r} is no name of a licence: SPDX's are like apache-2.0 and mit; "
                "`other` stands for one that has no such name"
            )
    return data
