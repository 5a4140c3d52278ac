"""The files in which sentence-transformers says how token vectors become one for a text.

`modules.json` lists the steps, `1_Pooling/config.json` describes the pooling, and
`sentence_bert_config.json` gives the length of texts. Definition: the class SentenceTransformer of
the package sentence-transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..hub.adapters import PresetAdapter

MODULES_FILE = "modules.json"
POOLING_FILE = "1_Pooling/config.json"
LENGTH_FILE = "sentence_bert_config.json"
MARKS = {MODULES_FILE: "text_embedder"}
"""What tells that the files of an encoder are for embedding texts; see `hub.registry.Family`."""

_MODES: dict[str, str] = {"mean_tokens": "mean", "cls_token": "cls"}
# What the library can do besides; its own reader wants to find them all.
_OTHER_MODES = ("max_tokens", "mean_sqrt_len_tokens")
_PREFIX = "pooling_mode_"
_STEPS = ("Transformer", "Pooling", "Normalize")


class SentenceAdapter(PresetAdapter):
    """Reads and writes the files of sentence-transformers for a TextEmbedder."""

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns `pooling` and `normalize`, as far as they are said.

        A preset's settings come first, then the files. A pooling that is not here keeps its name
        there, for the model to refuse.

        Raises:
            ValueError: modules.json names a step that is not here.
        """
        found = {name: settings[name] for name in ("pooling", "normalize") if name in settings}
        if "normalize" not in found and MODULES_FILE in files:
            found["normalize"] = "Normalize" in _steps(files[MODULES_FILE])
        if "pooling" in found or POOLING_FILE not in files:
            return found
        modes = [
            name.removeprefix(_PREFIX)
            for name, on in files[POOLING_FILE].items()
            if name.startswith(_PREFIX) and on
        ]
        return {
            **found,
            "pooling": "+".join([_MODES.get(mode) or mode for mode in modes]) or "none",
        }

    @classmethod
    def json_files(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the files from which sentence-transformers builds the same steps."""
        steps = _STEPS if model.normalize else _STEPS[:-1]
        modules = [
            {
                "idx": index,
                "name": str(index),
                "path": f"{index}_{step}" if index else "",
                "type": f"sentence_transformers.models.{step}",
            }
            for index, step in enumerate(steps)
        ]
        modes = {
            f"{_PREFIX}{theirs}": _MODES.get(theirs) == model.pooling
            for theirs in (*_MODES, *_OTHER_MODES)
        }
        pooling = {"word_embedding_dimension": model.backbone.hidden_dim, **modes}
        files: dict[str, Any] = {MODULES_FILE: modules, POOLING_FILE: pooling}
        if (length := getattr(model.preprocessor, "max_length", None)) is not None:
            files[LENGTH_FILE] = {"max_seq_length": length, "do_lower_case": False}
        return files


def _steps(modules: Mapping[str, Any]) -> list[str]:
    """The last parts of the steps' types. ValueError for one that is not here."""
    listed = modules.get("items")
    entries = listed if isinstance(listed, list) else []
    types = [str(entry.get("type", "")) for entry in entries if isinstance(entry, dict)]
    names = [kind.rpartition(".")[2] for kind in types]
    unknown = [kind for kind, name in zip(types, names, strict=True) if name not in _STEPS]
    if unknown or not names:
        raise ValueError(
            f"{MODULES_FILE} names {', '.join(unknown) or 'no steps'}; the steps here are "
            f"{', '.join(_STEPS)}."
        )
    return names
