"""Folders of KerasHub's presets: `config.json` of a backbone, and `model.weights.h5`.

A task has its head in files of its own, `task.json` and `task.weights.h5`. A family describes its
network by a config table and a weight map, as for every layout; what all such folders have in
common stands here. The configs are read as data: of what they name nothing is imported.

Definition: KerasHub 0.32, `Backbone.save_to_preset` and `Task.save_to_preset`.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..framework.files import atomic_path, write_atomically
from .config_table import COUNT, ConfigTable
from .errors import ChoiceError, HubError
from .exporting import foreign_tensors
from .loading import read_json
from .registry import Architecture, HeadFiles, Layout, task_of_class
from .transforms import Transform, reshape
from .weight_map import Row, WeightMap

LAYOUT = "kerashub"
CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
TOKENIZER = "tokenizer.json"  # a config of Keras's, not what others call so
TASK, TASK_WEIGHTS, PREPROCESSOR = "task.json", "task.weights.h5", "preprocessor.json"
HEAD = "task."
"""What stands before the names of a head's tensors in a weight map."""
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
class KerasHubHead:
    """A task of KerasHub's on a backbone: what its head is called.

    Args:
        class_name: such as "BertTextClassifier".
        task: what it becomes here; "backbone" where its head has no counterpart.
        absent: what the head is for, in words, where it has none.
        hidden: whether its config has the size of a dense layer before the last one, which here is
            the backbone's.
    """

    class_name: str
    task: str
    absent: str = ""
    hidden: bool = False

    def config(self, model: Any, size: int) -> dict[str, Any]:
        """Returns KerasHub's arguments for a task of ours on a backbone of a size."""
        if self.task != "text_classifier":
            return {}
        found = {"num_classes": model.num_classes, "activation": "linear"}
        found["dropout"] = model.dropout.rate
        return {**found, **({"hidden_dim": size} if self.hidden else {})}


def _classes(described: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a classifier's settings from its task.json. HubError where it is another network."""
    config = described.get("config")
    config = config if isinstance(config, dict) else {}
    if "num_classes" not in config:
        return {}
    if not COUNT.accepts(config["num_classes"]):
        raise HubError(f"{TASK} gives {config['num_classes']!r} as its number of classes")
    # A softmax is left to who reads the scores, which are those before it.
    if config.get("activation") not in (None, "linear", "softmax"):
        raise HubError(
            f"{TASK} has the activation {str(config['activation'])[:80]!r} behind its last layer; "
            "scores of classes (linear, softmax) are known here"
        )
    backbone = config.get("backbone")
    inner = backbone.get("config") if isinstance(backbone, dict) else None
    size = inner.get("hidden_dim") if isinstance(inner, dict) else None
    if config.get("hidden_dim", size) not in (None, size):
        raise HubError(
            f"{TASK} has a layer of hidden_dim={config['hidden_dim']!r} before the last one; here "
            f"it is as wide as the backbone, {size!r}"
        )
    return {"num_classes": config["num_classes"]}


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
        heads: tasks on the backbone whose heads have weights of their own.
    """

    class_name: str
    module: str
    table: ConfigTable
    weight_map: Callable[[Mapping[str, Any]], WeightMap]
    needs: Mapping[str, str]
    parts: Mapping[str, str]
    constants: Mapping[str, Any]
    tokenizer: str = ""
    heads: tuple[KerasHubHead, ...] = field(default=())

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
            head=HeadFiles(TASK, TASK_WEIGHTS, HEAD, _classes) if self.heads else None,
        )

    def architectures(self, task: str) -> dict[str, Architecture]:
        """Returns what the classes' names stand for: a task whose weights are the backbone's, and
        those with heads."""
        return {
            self.registered: Architecture(LAYOUT, task),
            **{
                f"keras_hub>{head.class_name}": Architecture(LAYOUT, head.task, head.absent)
                for head in self.heads
            },
        }

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
        """Writes a folder that `from_preset` of KerasHub's backbone, and of its task, opens.

        Args:
            model: a backbone, or a task that KerasHub has.
            arguments: of the backbone.
            values: path in the weight map -> variable or pending tensor.
            folder: where the files go.
            dtype: None or "float32": KerasHub chooses the dtype when it reads.

        Raises:
            HubError: KerasHub's network cannot be like the model.
            ImportError: h5py is not installed.
        """
        if dtype not in (None, "float32"):
            raise ChoiceError(f"KerasHub's files are written in float32 alone; got {dtype!r}")
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
        weight_map, task = self.weight_map({**self.constants, **given}), self._head_of(model)
        keys = {path: weight_map.expected_keys(path, "") for path in values}
        rest = [
            path
            for path, found in keys.items()
            if not found or (task is None and found[0].startswith(HEAD))
        ]
        if rest:
            heads = ", ".join(head.class_name for head in self.heads if not head.absent)
            raise HubError(
                f"a folder of KerasHub's {self.class_name} holds a backbone"
                + (f", or {heads}" if heads else "")
                + f", and this model has another head: {', '.join(rest[:4])}. Convert it with "
                "--task backbone."
            )
        tensors = foreign_tensors(values, weight_map, dtype="float32")
        head = {name for name in tensors if name.startswith(HEAD)}
        files = {
            WEIGHTS: {name: x for name, x in tensors.items() if name not in head},
            TASK_WEIGHTS: {
                name.removeprefix(HEAD): tensors[name] for name in tensors if name in head
            },
        }
        written = [folder / name for name in files if files[name]]
        for path in written:
            with atomic_path(path) as temporary:
                _write_weights(temporary, files[path.name])
        network = self._described(self.class_name, "backbone", {**_dtype("float32"), **config})
        count = sum(math.prod(tensor.shape) for tensor in files[WEIGHTS].values())
        noted = {
            "parameter_count": count,
            "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
        }
        described = {CONFIG: network, METADATA: noted}
        preprocessor: Any = getattr(model, "preprocessor", None)
        tokenizer: Any = getattr(preprocessor, "tokenizer", None)
        known = bool(self.tokenizer) and hasattr(tokenizer, "described")
        if known:
            content = json.loads(tokenizer.described())
            paths, found = _write_tokenizer(folder, content)
            written += paths
            described[TOKENIZER] = self._described(
                self.tokenizer, "tokenizer", {**_dtype("int32"), **found}
            )
        if task is not None:
            if known:
                described[PREPROCESSOR] = self._described(
                    f"{task.class_name}Preprocessor",
                    f"{task.task}_preprocessor",
                    {
                        **_dtype("float32"),
                        "tokenizer": described[TOKENIZER],
                        "config_file": PREPROCESSOR,
                        "sequence_length": preprocessor.max_length,
                        "truncate": "round_robin",
                    },
                )
            described[TASK] = self._described(
                task.class_name,
                task.task,
                {
                    "backbone": network,
                    "preprocessor": described.get(PREPROCESSOR),
                    **task.config(model, given["hidden_dim"]),
                },
            )
            del described[TASK]["config"]["trainable"]
        for file, content in described.items():
            write_atomically(folder / file, (json.dumps(content, indent=4) + "\n").encode())
        return written + [folder / file for file in described]

    def _head_of(self, model: Any) -> KerasHubHead | None:
        """The task of KerasHub's that a model is; None where it is none of them."""
        found = task_of_class(type(model))
        task = found[1] if found is not None else ""
        for head in self.heads:
            if head.task == task and not head.absent:
                return head
        return None

    def _described(self, class_name: str, part: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """How Keras writes an object of this network's folder down.

        Args:
            class_name: its class.
            part: how its module is called, behind the network's name.
            config: its arguments.
        """
        module = f"{self.module.removesuffix('backbone')}{part}"
        return {
            "module": f"keras_hub.src.models.{module}",
            "class_name": class_name,
            "config": {"name": module.rpartition(".")[2], "trainable": True, **config},
            "registered_name": f"keras_hub>{class_name}",
        }

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


def _dtype(name: str) -> dict[str, Any]:
    """How Keras writes a dtype policy down, which is all that KerasHub reads."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": name}}
    return {"dtype": {**policy, "registered_name": None}}


def _write_weights(path: Path, tensors: Mapping[str, Any]) -> None:
    """Writes tensors as Keras 3 does: a group for each layer, in it `vars`, numbered."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            file.create_dataset(name, data=np.ascontiguousarray(tensor.read()))
            tensor.release()


def _write_tokenizer(
    folder: Path, described: Mapping[str, Any]
) -> tuple[list[Path], dict[str, Any]]:
    """Writes a tokenizer's assets, of what the library `tokenizers` says of it.

    Returns:
        The files, and what KerasHub's config of the tokenizer says of its work.

    Raises:
        HubError: ids with gaps, which KerasHub's vocabularies cannot have.
    """
    vocabulary: dict[str, int] = dict(described["model"]["vocab"])
    vocabulary |= {entry["content"]: entry["id"] for entry in described["added_tokens"]}
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    if [vocabulary[token] for token in tokens] != [*range(len(tokens))]:
        raise HubError("KerasHub's tokenizers number their tokens without gaps; these have some.")
    config: dict[str, Any] = {"vocabulary": None}  # it lies among the assets
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
        config["merges"] = None
        assets["merges.txt"] = "".join(f"{pair}\n" for pair in pairs)
    place = folder / "assets" / "tokenizer"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in assets.items():
        write_atomically(place / name, text.encode())
    return [place / name for name in assets], config


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
