"""Low-rank adapters in PEFT's files: adapter_config.json and adapter_model.safetensors.

Definition: huggingface/peft, `LoraConfig` and `get_peft_model_state_dict`. A module M of
transformers with the weight (out, in) has `base_model.model.M.lora_A.weight`, (rank, in), and
`…lora_B.weight`, (out, rank); its weight becomes W + scale B A, where the scale is alpha / rank, or
alpha / sqrt(rank) with `use_rslora`. Names are mapped by the family's table for transformers; a
model that was read of a PyTorch module has the module's own names.
"""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..framework.folders import files_of, new_folder
from ..framework.graphs import ImportedModel
from .errors import HubError, ReaderError
from .exporting import foreign_tensors
from .loading import PEFT_CONFIG as CONFIG
from .loading import PEFT_WEIGHTS as WEIGHTS
from .loading import load_preset, read_json
from .preset import LocalPreset
from .readers import open_reader
from .registry import task_of_class
from .tensors import pending, write_safetensors
from .transforms import Chain, transpose
from .weight_map import Row, WeightMap

_BEFORE = "base_model.model."
_TASKS = {
    "causal_lm": "CAUSAL_LM",
    "text_classifier": "SEQ_CLS",
    "token_classifier": "TOKEN_CLS",
    "seq2seq_lm": "SEQ_2_SEQ_LM",
    "question_answerer": "QUESTION_ANS",
    "text_embedder": "FEATURE_EXTRACTION",
    "backbone": "FEATURE_EXTRACTION",
}
# Of these, transformers loads the plain model, whose tensors have no prefix.
_PLAIN = ("text_embedder", "backbone")
# Keys that are read here, or that change nothing once the adapter is trained.
_KNOWN = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "inference_mode",
    "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout",
    "megatron_core", "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "r",
    "rank_pattern", "revision", "runtime_config", "target_modules", "task_type", "use_rslora",
    "exclude_modules", "ensure_weight_tying", "loftq_config", "eva_config", "corda_config",
}  # fmt: skip
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_LINEAR = Chain((transpose,))
_ROWS = "rows"


def save_peft_adapter(
    model: Any, folder: str | os.PathLike[str], base: str = "", revision: str | None = None
) -> list[Path]:
    """Writes a model's adapters, and what else trains, as files that PEFT loads.

    Args:
        model: a backbone or task with adapters on dense layers, or the model of a PyTorch module
            with adapters on linear ones; see `isozoo.lora.enable`.
        folder: the folder that is made.
        base: the repository of the model that it was trained from, "org/name".
        revision: of the base.

    Returns:
        The files written.

    Raises:
        HubError: no family has the model's class, or a kernel is no linear layer of transformers.
        ValueError: the model has no adapters.
        FileExistsError: the folder has files already.
    """
    from ..framework import lora

    names = _names_of(model)
    found = list(lora.adapted(model))
    if not found:
        raise ValueError(f"{model.name} has no adapters to save: lora.enable(model) first.")
    tensors: dict[str, np.ndarray] = {}
    ranks, alphas = {}, {}
    for path, _, _, kernel in found:
        module = names.module(path)
        a, b = np.asarray(kernel.a.numpy()), np.asarray(kernel.b.numpy())
        # Weights of a module lie as (out, in): ours is A B where theirs is B A.
        down, up = (b, a) if kernel.base.memory_format == _ROWS else (a.T, b.T)
        tensors[f"{_BEFORE}{module}.lora_A.weight"] = np.ascontiguousarray(down)
        tensors[f"{_BEFORE}{module}.lora_B.weight"] = np.ascontiguousarray(up)
        ranks[module], alphas[module] = b.shape[0], kernel.scale * b.shape[0]
    saved = {name.rpartition(".")[0] for name in names.of_trained(lora.trained_besides(model))}
    for name, tensor in names.foreign().items():
        if name.rpartition(".")[0] in saved:
            tensors[_BEFORE + name] = np.ascontiguousarray(tensor.read())
    rank, alpha = next(iter(ranks.values())), next(iter(alphas.values()))
    config = {
        "peft_type": "LORA",
        "task_type": _TASKS.get(names.task),
        "base_model_name_or_path": base or None,
        "revision": revision,
        "r": rank,
        "lora_alpha": _plain(alpha),
        "rank_pattern": {name: one for name, one in ranks.items() if one != rank},
        "alpha_pattern": {name: _plain(one) for name, one in alphas.items() if one != alpha},
        "target_modules": list(ranks),
        "modules_to_save": sorted({name.rpartition(".")[2] for name in saved}) or None,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "use_rslora": False,
        "use_dora": False,
    }
    with new_folder(folder) as place:
        write_safetensors(place / WEIGHTS, tensors)
        (place / CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        written = files_of(place)
    return [Path(folder) / name for name in written]


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else float(number)


def load_peft_adapter(model: Any, folder: str | os.PathLike[str]) -> list[str]:
    """Puts adapters that PEFT, or `save_peft_adapter`, wrote on a model with its base's weights.

    Args:
        model: a backbone or task of a registered family, or the model of a PyTorch module.
        folder: holds adapter_config.json and adapter_model.safetensors.

    Returns:
        The paths of the adapted kernels.

    Raises:
        HubError: the files are no adapter of plain LoRA.
        ReaderError: the weights are damaged.
        ValueError: the adapter does not fit the model; nothing is changed.
    """
    return _put(model, Path(folder) / CONFIG, Path(folder) / WEIGHTS)


def _put(model: Any, config_path: Path, weights_path: Path) -> list[str]:
    from ..framework import lora

    config = _config(config_path)
    names = _names_of(model)
    scales: dict[str, float] = {}
    tensors: dict[str, np.ndarray] = {}
    with open_reader(weights_path) as reader:
        for key in reader:
            if not key.startswith(_BEFORE):
                raise ReaderError(weights_path, f"{key[:80]!r} is no name of PEFT's")
            name, array = key.removeprefix(_BEFORE), np.array(reader.read(key))
            side = re.fullmatch(r"(.+)\.lora_([AB])\.weight", name)
            if side is None:
                tensors |= names.read(name, array, weights_path)
                continue
            path = names.kernel(side[1], weights_path)
            if names.has_rows(path):
                tensors[f"{path}_lora_{'b' if side[2] == 'A' else 'a'}"] = array
            else:
                tensors[f"{path}_lora_{side[2].lower()}"] = array.T
            if side[2] == "A":
                scales[path] = _scale(config, side[1], array.shape[0])
    return lora.put(model, scales, tensors, weights_path)


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    alpha = config["lora_alpha"]
    for pattern, value in config["alpha_pattern"].items():
        if module == pattern or module.endswith(f".{pattern}"):
            alpha = value
            break
    return alpha / math.sqrt(rank) if config["use_rslora"] else alpha / max(rank, 1)


def _config(path: Path) -> dict[str, Any]:
    found = read_json(path, CONFIG)
    given = {key: value for key, value in found.items() if value is not None}
    config = {"alpha_pattern": {}, "use_rslora": False, "bias": "none", "lora_alpha": 8, **given}
    problems = []
    if found.get("peft_type") != "LORA":
        problems.append(f"it is of the kind {found.get('peft_type')!r}; LORA is read")
    if config["bias"] != "none":
        problems.append("it trains biases of adapted layers")
    problems += [
        f"{key} is {str(value)[:60]}, which changes what is computed in a way unknown here"
        for key, value in found.items()
        if key not in _KNOWN and value not in (None, False, {}, [])
    ]
    patterns: Any = config["alpha_pattern"]
    whole = isinstance(patterns, dict)
    numbers: list[Any] = [config["lora_alpha"], *(patterns.values() if whole else [None])]
    if not all(type(n) in (int, float) and abs(n) < 1e9 for n in numbers):
        problems.append("lora_alpha and alpha_pattern are not numbers")
    elif not all(re.fullmatch(r"[\w.]{1,200}", name) for name in patterns):
        problems.append("alpha_pattern has regular expressions of its own, which are not read")
    if problems:
        raise HubError(f"{path} describes an adapter that is not read: {'; '.join(problems[:6])}")
    return config


class _Names:
    """Names of a model's variables in transformers, and back."""

    def __init__(self, model: Any) -> None:
        found = task_of_class(type(model))
        layout = found[0].layouts.get("huggingface") if found is not None else None
        if found is None or layout is None:
            raise HubError(f"{type(model).__name__} belongs to no family that transformers has")
        self.family, self.task = found
        self.model = model
        backbone = getattr(model, self.family.backbone, model)
        self.map: WeightMap = layout.weight_map(backbone.get_config())
        prefixes = self.map.prefixes
        self.prefix = "" if self.task in _PLAIN and "" in prefixes else prefixes[0]
        within = f"{self.family.backbone}."
        self._paths = {p.removeprefix(within): p for p in model.weights_by_path()}

    def has_rows(self, path: str) -> bool:
        """Tells whether a kernel lies as (out, in)."""
        return False

    def _own(self, path: str) -> str:
        return path.removeprefix(f"{self.family.backbone}.")

    def module(self, path: str) -> str:
        """Returns the linear module of transformers whose weight is the kernel at a path."""
        found = self.map.find_path(self._own(path))
        keys = self.map.keys_of(found[0], found[2], self.prefix) if found is not None else []
        if found is None or not _is_linear(found[0]) or not keys[0].endswith(".weight"):
            raise HubError(f"the kernel {path} is no linear layer of its own in transformers")
        return keys[0].removesuffix(".weight")

    def kernel(self, module: str, file: Path) -> str:
        """Returns the path of the kernel that is the weight of a module of transformers."""
        for prefix in (self.prefix, *self.map.prefixes):
            found = self.map.find_key(f"{module}.weight", prefix)
            if found is not None and _is_linear(found[0]):
                path = found[0].paths(found[2])[0]
                if path in self._paths:
                    return self._paths[path]
        raise ReaderError(file, f"{self.model.name} has no linear layer for it", f"module {module}")

    def read(self, name: str, array: np.ndarray, file: Path) -> dict[str, np.ndarray]:
        """Returns path -> array for a tensor that is no adapter's."""
        for prefix in (self.prefix, *self.map.prefixes):
            found = self.map.find_key(name, prefix)
            if found is None or found[0].joins or found[0].ours is None:
                continue
            paths = found[0].paths(found[2])
            if all(path in self._paths for path in paths):
                try:
                    made = found[0].steps.forward([array], len(paths))
                except ValueError as error:
                    raise ReaderError(file, str(error), f"tensor {name}") from error
                return {self._paths[str(p)]: x for p, x in zip(paths, made, strict=True)}
        raise ReaderError(file, f"{self.model.name} has no place for it", f"tensor {name}")

    def foreign(self) -> dict[str, Any]:
        """Returns transformers' name -> pending tensor of all variables."""
        held = {own: v for own, v in _plain_variables(self.model, self._paths)}
        return dict(foreign_tensors(held, self.map, self.prefix))

    def of_trained(self, paths: Iterator[str]) -> set[str]:
        """Returns transformers' names of the variables at paths."""
        found = set()
        for path in paths:
            keys = self.map.expected_keys(self._own(path), self.prefix)
            if not keys:
                raise HubError(f"{path} trains, and transformers has no name for it")
            found.add(keys[0])
        return found


class _ModuleNames:
    """Names of the weights of a PyTorch module that was read as a graph: they are its own."""

    task = "graph"

    def __init__(self, model: Any) -> None:
        self.model, self._held = model, model.weights_by_path()

    def has_rows(self, path: str) -> bool:
        """Tells whether a kernel lies as (out, in), as that of a linear module."""
        return path in self._held and self._held[path].memory_format == _ROWS

    def module(self, path: str) -> str:
        """Returns the linear module whose weight is the kernel at a path."""
        if not self.has_rows(path) or not path.endswith(".weight"):
            raise HubError(f"the kernel {path} is not the weight of a linear module")
        return path.removesuffix(".weight")

    def kernel(self, module: str, file: Path) -> str:
        """Returns the path of the kernel that is the weight of a module."""
        if not self.has_rows(f"{module}.weight"):
            told = f"{self.model.name} has no linear layer for it"
            raise ReaderError(file, told, f"module {module}")
        return f"{module}.weight"

    def read(self, name: str, array: np.ndarray, file: Path) -> dict[str, np.ndarray]:
        """Returns path -> array for a tensor that is no adapter's."""
        if name not in self._held:
            raise ReaderError(file, f"{self.model.name} has no place for it", f"tensor {name}")
        return {name: array}

    def foreign(self) -> dict[str, Any]:
        """Returns name -> pending tensor of all weights."""
        own = {name: name for name in self._held}
        return {name: pending(v) for name, v in _plain_variables(self.model, own)}

    def of_trained(self, paths: Iterator[str]) -> set[str]:
        """Returns the module's names of the weights at paths."""
        return {*paths}


def _names_of(model: Any) -> _Names | _ModuleNames:
    if isinstance(model, ImportedModel) and model.graph.origin == "torch":
        return _ModuleNames(model)
    return _Names(model)


def _plain_variables(model: Any, paths: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    held = dict(model.weights_by_path())
    for own, path in paths.items():
        if not path.endswith(("_lora_a", "_lora_b")):
            yield own, held[path]


def _is_linear(row: Row) -> bool:
    return row.steps == _LINEAR and len(row.targets) == 1 and not row.joins


def load_with_base(local: LocalPreset, **options: Any) -> Any:
    """Loads the base that an adapter of PEFT's names, and puts the adapter on it.

    PEFT's files do not tell the base's hash: name its revision, or use adapters of isozoo's own
    form, where it matters.

    Raises:
        HubError: the config names no repository of the hub as its base, or is malformed.
    """
    config = _config(local.paths[CONFIG])
    base, revision = config.get("base_model_name_or_path"), config.get("revision")
    # A folder or an address that a file names is never opened.
    if not isinstance(base, str) or not _REPOSITORY.fullmatch(base) or ".." in base:
        raise HubError(
            f"{CONFIG} names {str(base)[:80]!r} as its base, which is no repository of the hub: "
            "load the base, and hub.peft_adapters.load_peft_adapter(model, folder)"
        )
    if revision is not None and not re.fullmatch(r"[\w./-]{1,200}", str(revision)):
        raise HubError(f"{CONFIG} names the revision {str(revision)[:80]!r}")
    tasks = {theirs: ours for ours, theirs in reversed(_TASKS.items())}
    task = options.pop("task", None) or tasks.get(str(config.get("task_type")))
    if "num_classes" not in options and task in ("text_classifier", "token_classifier"):
        options |= _classes(local.paths[WEIGHTS])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*begin with new values")
        name = f"hf://{base}" + (f"@{revision}" if revision else "")
        model = load_preset(name, task=task, **options)
    _put(model, local.paths[CONFIG], local.paths[WEIGHTS])
    return model


def _classes(path: Path) -> dict[str, int]:
    """The number of classes that a head in the file has."""
    heads = ("classifier.weight", "score.weight", "classifier.out_proj.weight")
    with open_reader(path) as reader:
        found = [key for key in reader if key.removeprefix(_BEFORE) in heads]
        return {"num_classes": reader.info(found[0]).shape[0]} if found else {}
