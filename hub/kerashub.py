"""Folders of KerasHub's presets: `config.json` of a backbone, and `model.weights.h5`.

A family describes its network by a config table and a weight map, as for every layout; what all
such folders have in common stands here. The config is read as data: of what it names nothing is
imported. Heads of tasks (`task.json`, `task.weights.h5`) are not read.

Definition: KerasHub 0.32, `Backbone.save_to_preset`.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..framework.files import atomic_path, write_atomically
from .config_table import ConfigTable
from .errors import HubError
from .exporting import foreign_tensors
from .loading import read_json
from .registry import Architecture, Layout
from .transforms import Transform, reshape
from .weight_map import Row, WeightMap

LAYOUT = "kerashub"
CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
TOKENIZER = "tokenizer.json"  # a config of Keras's, not what others call so
# A tokenizer's files -> what transformers calls them.
_ASSETS = {
    "assets/tokenizer/vocabulary.txt": "vocab.txt",
    "assets/tokenizer/vocabulary.json": "vocab.json",
    "assets/tokenizer/merges.txt": "merges.txt",
}
_SAID = ("lowercase", "strip_accents")
# What Keras notes of every layer, and what matters in training alone.
IRRELEVANT = ("name", "trainable", "dtype")


@dataclass(frozen=True)
class KerasHubNetwork:
    """A backbone of KerasHub.

    Args:
        class_name: of the backbone, such as "BertBackbone".
        module: where KerasHub has it, such as "bert.bert_backbone".
        table: between the arguments in config.json and ours.
        weight_map: our arguments -> the table of names.
        needs: paths of variables without which KerasHub has no such network -> what they are.
        parts: see `Layout.parts`.
        constants: arguments of ours that are the same in every network of KerasHub.
        tokenizer: KerasHub's class of the tokenizer; "" where it is not read.
    """

    class_name: str
    module: str
    table: ConfigTable
    weight_map: Callable[[Mapping[str, Any]], WeightMap]
    needs: Mapping[str, str]
    parts: Mapping[str, str]
    constants: Mapping[str, Any]
    tokenizer: str = ""

    @property
    def registered(self) -> str:
        """The name under which Keras knows the class."""
        return f"keras_hub>{self.class_name}"

    def layout(self) -> Layout:
        """Returns the layout of the network's folders."""
        return Layout(
            config=self.read,
            weight_map=self.weight_map,
            weights=(WEIGHTS,),
            files=(CONFIG,),
            optional_files=(TOKENIZER, *_ASSETS) if self.tokenizer else (),
            preprocessing=self.preprocessing,
            parts=self.parts,
            write=self.write,
        )

    def architectures(self, task: str) -> dict[str, Architecture]:
        """Returns what the class's name stands for: a task whose weights are the backbone's."""
        return {self.registered: Architecture(LAYOUT, task)}

    def read(
        self, files: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Returns our arguments for a folder's config.json. HubError for another network."""
        found = files[CONFIG]
        if found.get("registered_name") != self.registered:
            raise HubError(
                f"{CONFIG} describes a {str(found.get('registered_name'))[:80]}; "
                f"{self.registered} is expected"
            )
        config = found.get("config")
        if not isinstance(config, dict):
            raise HubError(f"{CONFIG} of KerasHub must hold the backbone's arguments as `config`")
        return {**self.constants, **self.table.read(config)}

    def write(
        self,
        model: Any,
        arguments: Mapping[str, Any],
        values: Mapping[str, Any],
        folder: Path,
        dtype: str | None,
    ) -> list[Path]:
        """Writes a backbone's folder that `keras_hub.models.Backbone.from_preset` opens.

        Args:
            model: a backbone, or a task, whose head is left out.
            arguments: of the backbone.
            values: path in the weight map -> variable or pending tensor.
            folder: where the files go.
            dtype: None or "float32": KerasHub chooses the dtype when it reads.

        Raises:
            HubError: KerasHub's network cannot be like the model.
            ImportError: h5py is not installed.
        """
        if dtype not in (None, "float32"):
            raise HubError(f"KerasHub's files are written in float32 alone; got {dtype!r}")
        given = dict(arguments)
        for name, value in self.constants.items():
            mine = given.pop(name, value)
            if mine != value:
                raise HubError(
                    f"KerasHub's {self.class_name} has {name}={value!r} alone, and this model has "
                    f"{mine!r}: what it computes would be another thing."
                )
        for path, what in self.needs.items():
            if path not in values:
                raise HubError(
                    f"KerasHub's {self.class_name} has {what}, and this model has none: convert it "
                    "as a task that has, such as --task backbone."
                )
        config = self.table.write(given)
        weight_map = self.weight_map({**self.constants, **given})
        head = [path for path in values if weight_map.find_path(path) is None]
        if head:
            raise HubError(
                f"a folder of KerasHub's {self.class_name} holds a backbone, and this model has a "
                f"head besides: {', '.join(head[:4])}. Convert it with --task backbone."
            )
        tensors = foreign_tensors(values, weight_map, dtype="float32")
        with atomic_path(folder / WEIGHTS) as temporary:
            _write_weights(temporary, tensors)
        name = self.module.rpartition(".")[2]
        described = {
            "module": f"keras_hub.src.models.{self.module}",
            "class_name": self.class_name,
            "config": {"name": name, "trainable": True, "dtype": "float32", **config},
            "registered_name": self.registered,
        }
        count = sum(math.prod(tensor.shape) for tensor in tensors.values())
        noted = {
            "parameter_count": count,
            "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
        }
        for file, content in ((CONFIG, described), (METADATA, noted)):
            write_atomically(folder / file, (json.dumps(content, indent=4) + "\n").encode())
        written = [folder / WEIGHTS, folder / CONFIG, folder / METADATA]
        tokenizer: Any = getattr(getattr(model, "preprocessor", None), "tokenizer", None)
        if self.tokenizer and hasattr(tokenizer, "described"):
            module = f"keras_hub.src.models.{self.module.removesuffix('backbone')}tokenizer"
            described = json.loads(tokenizer.described())
            written += _write_tokenizer(folder, described, module, self.tokenizer)
        return written

    def preprocessing(
        self, paths: Mapping[str, Path], settings: Mapping[str, Any]
    ) -> tuple[dict[str, Path], dict[str, Any]]:
        """Returns a tokenizer's files by transformers' names, and what tokenizer.json says of it.

        Raises:
            HubError: tokenizer.json is damaged, or describes another tokenizer.
        """
        found = {ours: paths[theirs] for theirs, ours in _ASSETS.items() if theirs in paths}
        if TOKENIZER not in paths or not found:
            return {}, dict(settings)
        described = read_json(paths[TOKENIZER], TOKENIZER)
        wanted, config = f"keras_hub>{self.tokenizer}", described.get("config")
        if described.get("registered_name") != wanted or not isinstance(config, dict):
            raise HubError(
                f"{TOKENIZER} describes a {str(described.get('registered_name'))[:80]}; {wanted} "
                "is expected"
            )
        said = {key: config[key] for key in _SAID if isinstance(config.get(key), bool)}
        return found, {**dict.fromkeys(_SAID, False), **said, **settings}


def _write_weights(path: Path, tensors: Mapping[str, Any]) -> None:
    """Writes tensors as Keras 3 does: a group for each layer, in it `vars`, numbered."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            file.create_dataset(name, data=np.ascontiguousarray(tensor.read()))
            tensor.release()


def _write_tokenizer(
    folder: Path, described: Mapping[str, Any], module: str, class_name: str
) -> list[Path]:
    """Writes a tokenizer's assets and config, of what the library `tokenizers` says of it.

    Raises:
        HubError: ids with gaps, which KerasHub's vocabularies cannot have.
    """
    vocabulary: dict[str, int] = dict(described["model"]["vocab"])
    vocabulary |= {entry["content"]: entry["id"] for entry in described["added_tokens"]}
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    if [vocabulary[token] for token in tokens] != [*range(len(tokens))]:
        raise HubError("KerasHub's tokenizers number their tokens without gaps; these have some.")
    config: dict[str, Any] = {"name": class_name, "trainable": True, "dtype": "int32"}
    assets: dict[str, str] = {}
    if described["model"]["type"] == "WordPiece":
        normalizer = described.get("normalizer") or {}
        lowercase = bool(normalizer.get("lowercase"))
        strips = normalizer.get("strip_accents")
        config |= {"lowercase": lowercase, "strip_accents": lowercase if strips is None else strips}
        assets["vocabulary.txt"] = "".join(f"{token}\n" for token in tokens)
    else:
        pairs = (p if isinstance(p, str) else " ".join(p) for p in described["model"]["merges"])
        assets["vocabulary.json"] = json.dumps(vocabulary)
        assets["merges.txt"] = "".join(f"{pair}\n" for pair in pairs)
    content = {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": f"keras_hub>{class_name}",
    }
    place = folder / "assets" / "tokenizer"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in assets.items():
        write_atomically(place / name, text.encode())
    write_atomically(folder / TOKENIZER, (json.dumps(content, indent=4) + "\n").encode())
    return [folder / TOKENIZER, *(place / name for name in assets)]


def layered(stack: str, rows: Mapping[str, tuple[str, Transform | None]], ours: str) -> list[Row]:
    """Returns the rows of a stack of equal layers, of which KerasHub numbers all but the first.

    Args:
        stack: the first layer's name in the file.
        rows: name in the layer -> our name in ours, and how it is brought there.
        ours: the path of our layers, with `{i}` for the number.
    """
    found = []
    for foreign, number in ((stack, "0"), (f"{stack}_{{i}}", "{i}")):
        place = ours.replace("{i}", number)
        found += [
            Row(f"layers/{foreign}/{old}", f"{place}.{new}", step)
            for old, (new, step) in rows.items()
        ]
    return found


def dense(old: str, new: str, bias: bool = True) -> dict[str, tuple[str, Transform | None]]:
    """Returns the rows of a dense layer, in the form of `layered`."""
    found: dict[str, tuple[str, Transform | None]] = {f"{old}/vars/0": (f"{new}.kernel", None)}
    return {**found, f"{old}/vars/1": (f"{new}.bias", None)} if bias else found


def norm(old: str, new: str) -> dict[str, tuple[str, Transform | None]]:
    """Returns the rows of a layer normalization, in the form of `layered`."""
    return {f"{old}/vars/0": (f"{new}.gamma", None), f"{old}/vars/1": (f"{new}.beta", None)}


def attention(
    old: str, new: str, heads: int, size: int, names: Mapping[str, str], bias: bool = True
) -> dict[str, tuple[str, Transform | None]]:
    """Returns the rows of an attention whose kernels have an axis of heads in KerasHub.

    Args:
        old: its name in the file.
        new: its path.
        heads: number of heads.
        size: of a head.
        names: layer in the file -> layer of ours; the last one is that of the output.
        bias: whether there are biases.
    """
    found: dict[str, tuple[str, Transform | None]] = {}
    last = list(names)[-1]
    for theirs, mine in names.items():
        place = f"{old}/{theirs}/vars"
        shapes = ((-1, heads, size), (-1, heads * size))
        if theirs == last:
            shapes = ((heads, size, -1), (heads * size, -1))
        found[f"{place}/0"] = (f"{new}.{mine}.kernel", reshape(*shapes))
        if bias:
            step = None if theirs == last else reshape((heads, size), (heads * size,))
            found[f"{place}/1"] = (f"{new}.{mine}.bias", step)
    return found
