"""The table of presets and of the families that know how to read them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .config_table import ConfigTable
from .discovery import discover
from .errors import HubError, UnknownPresetError
from .labels import count_classes
from .other_forms import refuse_file
from .preset import FileEntry, Folder, HuggingFace, LocalPreset, Preset, Source
from .weight_map import WeightMap

if TYPE_CHECKING:
    from .readers.base import Reader
    from .weights import LoadReport

Config = Mapping[str, Any]


class Architecture(NamedTuple):
    """What a name among a config's `architectures` stands for.

    Args:
        layout: how its files are read.
        task: what it becomes here.
        head: the task of its head, in words, where that has no counterpart here.
        one_class: what it becomes where the config names one class alone, if that is another task.
    """

    layout: str
    task: str
    head: str = ""
    one_class: str = ""


class Identified(NamedTuple):
    """What a config.json was recognised as."""

    family: Family
    layout: str
    task: str


@dataclass(frozen=True)
class HeadFiles:
    """Files of a layout that tell of a head, beside those of a backbone.

    Args:
        config: name of a JSON file, which names an architecture as a config does.
        weights: name of the weights file. The weight map knows its tensors by `prefix` and the
            name in the file.
        prefix: ends in a dot.
        settings: that file, parsed -> settings that the task's class asks a preset for.
    """

    config: str
    weights: str
    prefix: str
    settings: Callable[[Config], Mapping[str, Any]]


@dataclass(frozen=True)
class Layout:
    """One way in which the files of a family come.

    Args:
        config: the table between its config file and the model's arguments, or a callable (name ->
            parsed JSON file, the preset's settings) -> arguments where there is no such table.
        weight_map: those arguments -> the table of tensor names.
        weights: candidate names of the weights file, the preferred first; `*` in one stands for
            any letters.
        files: other files that must be there; those ending in `.json` are parsed for `config`.
        optional_files: files that may be there, such as a tokenizer's.
        folders: folders that may be there, with whatever files they hold.
        parts: argument of the model -> path of a variable. The argument becomes False where the
            weights file has no tensor for that variable (files may come with or without a pooler).
        fill: reads the weights, where they are not found by their names: (model, local preset) ->
            report. The model's variables have no values yet.
        load: makes the whole model, where config and weights are no tables of ours: (local preset,
            whether its weights are read, options of the user's) -> the model. `config` and
            `weight_map` do not count then.
        write: writes files of the layout, where they are no safetensors with a config file: (model,
            its arguments, path in the weight map -> variable or pending tensor, folder, dtype) ->
            files written.
        weight_parts: where each part of the model has a weights file of its own: name of the part
            -> candidate names of its file, the preferred first. The weight map then knows tensors
            by the part's name, a dot, and the name in the file; `weights` does not count.
        preprocessing: brings the files and settings of a preprocessor under the names that tasks
            know: (name -> path, settings) -> the same, of this layout.
        recognize: tells whether a weights file that the user names, and nothing else, is of this
            layout: an open reader -> the preset's settings, or None where it is not.
        head: files of a head, which may be there, where they are others than the backbone's.
    """

    config: ConfigTable | Callable[[Mapping[str, Config], Mapping[str, Any]], dict[str, Any]]
    weight_map: Callable[[Mapping[str, Any]], WeightMap]
    weights: tuple[str, ...] = (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    )
    files: tuple[str, ...] = ("config.json",)
    optional_files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    fill: Callable[[Any, LocalPreset], LoadReport] | None = None
    load: Callable[[LocalPreset, bool, Mapping[str, Any]], Any] | None = None
    write: (
        Callable[[Any, Mapping[str, Any], Mapping[str, Any], Path, str | None], list[Path]] | None
    ) = None
    weight_parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recognize: Callable[[Reader], Mapping[str, Any] | None] | None = None
    preprocessing: (
        Callable[
            [Mapping[str, Path], Mapping[str, Any]], tuple[Mapping[str, Path], Mapping[str, Any]]
        ]
        | None
    ) = None
    head: HeadFiles | None = None

    def entries(self) -> tuple[FileEntry, ...]:
        """Returns the files to look for at a source that was not described by a preset."""
        # Patterns are for presets that list their files.
        plain = tuple(name for name in self.weights if "*" not in name)
        weights = self.weight_parts.values() or (plain,)
        return (
            *(FileEntry(name) for name in self.files),
            *(FileEntry(names[0], alternatives=names[1:]) for names in weights),
            *(FileEntry(name, optional=True) for name in self.optional_files),
            *(FileEntry(name, optional=True, is_folder=True) for name in self.folders),
            *(
                FileEntry(name, optional=True)
                for name in ((self.head.config, self.head.weights) if self.head else ())
            ),
        )

    def arguments(
        self,
        files: Mapping[str, Config],
        settings: Mapping[str, Any],
        ignore_keys: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Returns the model's arguments, from parsed JSON files and a preset's settings.

        A preset whose files hold no config file gives its content as the setting `config`.

        Raises:
            HubError: the config file describes a network that the family does not have.
        """
        if not isinstance(self.config, ConfigTable):
            return self.config(files, settings)
        config = settings.get("config")
        return self.config.read(files[self.config.file] if config is None else config, ignore_keys)


@dataclass(frozen=True)
class Family:
    """What the hub needs to know of a model family; registered by the family's own folder.

    Args:
        name: such as "bert".
        tasks: task -> callable that returns the class (and imports it only then).
        layouts: layout -> how to read it.
        model_types: `model_type` of a config.json -> layout.
        architectures: name among a config's `architectures` -> what it stands for.
        default_task: the task when neither user nor config names one; the first of `tasks` if "".
        backbone: the attribute under which a task's model keeps its backbone. Weight maps name a
            backbone's variables by their paths in the backbone alone. "" where there is none.
        marks: name of a JSON file -> task. Where it lies beside a config.json that tells of a
            backbone alone, the files are for that task.
        index: name of the file that tells of the model in the place of config.json, where its parts
            lie in folders.
        recognize: tells whether a config.json that names neither a `model_type` nor architectures
            that are known is of this family, of its one layout.
    """

    name: str
    tasks: Mapping[str, Callable[[], type]]
    layouts: Mapping[str, Layout]
    model_types: Mapping[str, str] = field(default_factory=dict)
    architectures: Mapping[str, Architecture | tuple[str, str]] = field(default_factory=dict)
    default_task: str = ""
    backbone: str = "backbone"
    marks: Mapping[str, str] = field(default_factory=dict)
    index: str = ""
    recognize: Callable[[Config], bool] | None = None

    def first_task(self) -> str:
        """Returns the task when neither user nor config names one."""
        return self.default_task or next(iter(self.tasks))

    def map_paths(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a model's variables by the paths that the family's weight maps use."""
        prefix = f"{self.backbone}." if self.backbone else ""
        found = {path.removeprefix(prefix): variable for path, variable in variables.items()}
        if len(found) != len(variables):
            raise ValueError(
                f"family {self.name!r}: a variable beside `{self.backbone}` has the same path as "
                "one inside it; rename the attribute of the head."
            )
        return found


_families: dict[str, Family] = {}
_presets: dict[str, Preset] = {}
# No name of a preset is so long, and systems refuse such a path by an error.
MAX_PATH = 1024
_PRESET_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")


def register_family(family: Family) -> Family:
    """Adds a family. Registering the same name again replaces it (a module was reloaded)."""
    _families[family.name] = family
    return family


def register_preset(preset: Preset) -> Preset:
    """Adds a preset. Raises ValueError when its name is malformed or taken by another."""
    if not _PRESET_NAME.fullmatch(preset.name):
        raise ValueError(f"preset name {preset.name!r}: lower-case letters, digits, _ . - only")
    if _presets.get(preset.name, preset) != preset:
        raise ValueError(f"a preset called {preset.name!r} is registered already")
    _presets[preset.name] = preset
    return preset


def get_family(name: str) -> Family:
    """Returns the family called `name`. HubError when none is registered."""
    discover()
    if name not in _families:
        raise HubError(f"no family called {name!r}; there are: {', '.join(sorted(_families))}")
    return _families[name]


def task_of_class(kind: type) -> tuple[Family, str] | None:
    """Returns (family, task) of the nearest registered class that `kind` is or derives from."""
    discover()
    for ancestor in kind.__mro__:
        for family in _families.values():
            for task, reference in family.tasks.items():
                known = getattr(reference, "refers_to", None)  # compares without importing
                if known(ancestor) if known is not None else reference() is ancestor:
                    return family, task
    return None


def _family_of_class(kind: type) -> tuple[Family, str] | None:
    """Returns (family, task) of a model, or of a tokenizer or preprocessor in a family's folder."""
    if (found := task_of_class(kind)) is not None:
        return found
    for family in _families.values():
        for reference in family.tasks.values():
            package = getattr(reference, "package", "")
            if package and kind.__module__.startswith(f"{package}."):
                return family, family.first_task()
    return None


def get_preset(name: str) -> Preset:
    """Returns the preset called `name`: a registered one, or that of an installed bundle.

    UnknownPresetError with near matches where there is none.
    """
    discover()
    if name not in _presets:
        from .bundles import bundled_preset

        if (bundled := bundled_preset(name)) is not None:
            return bundled
        raise UnknownPresetError(name, _presets)
    return _presets[name]


def list_presets(family: str | None = None) -> list[Preset]:
    """Returns the registered presets and those of installed bundles, sorted by name.

    Args:
        family: only those of this one, when it is given. A bundle whose manifest is damaged is left
            out; its name tells why.
    """
    from .bundles import bundled_preset, installed

    discover()
    known = dict(_presets)
    for name in installed().keys() - known.keys():
        with contextlib.suppress(HubError):
            if (bundled := bundled_preset(name)) is not None:
                known[name] = bundled
    chosen = (p for p in known.values() if family is None or p.family == family)
    return sorted(chosen, key=lambda preset: preset.name)


def source_of_name(name: str | os.PathLike[str]) -> Source | None:
    """Returns the source that `hf://org/name[@revision]` or a path names; None for a preset's name.

    A path is a `Path`, a text that is an existing folder or weights file, or one that begins with
    `.`, `~` or `/`.

    Raises:
        UnknownPresetError: the repository's name is malformed, the folder does not exist, or the
            file is of another form.
        TypeError: it is neither a text nor a path.
    """
    if not isinstance(name, str | os.PathLike):
        raise TypeError(
            "a preset's name, `hf://org/name[@revision]`, or the path of a folder is expected; got "
            f"{name!r}"
        )
    text = str(os.fspath(name))
    if isinstance(name, str) and name.startswith("hf://"):
        repo_id, _, revision = name.removeprefix("hf://").partition("@")
        try:
            return HuggingFace(repo_id.rstrip("/"), revision or None)
        except ValueError as error:
            raise UnknownPresetError(name, (), str(error)) from error
    path = Path(text).expanduser()
    if len(text) < MAX_PATH and path.is_dir():
        return Folder(path.resolve())
    if (file := weights_file(name)) is not None:
        return Folder(file.parent)
    plainly_a_path = not isinstance(name, str) or text.startswith((".", "~", "/"))
    if len(text) < MAX_PATH and path.is_file():
        refuse_file(path, WEIGHTS_ENDINGS, plainly_a_path)
    if plainly_a_path:
        raise UnknownPresetError(
            text, (), f"the folder {path} does not exist, nor a weights file of that name"
        )
    return None


WEIGHTS_ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth", ".pth.tar", ".bin", ".gguf")


def weights_file(name: str | os.PathLike[str]) -> Path | None:
    """Returns the weights file that a path names, by its ending; None where it names none."""
    path = Path(os.fspath(name)).expanduser()
    known = path.name.lower().endswith(WEIGHTS_ENDINGS)
    return path.resolve() if known and path.is_file() else None


def preset_of_weights(name: str, path: Path, reader: Reader) -> Preset:
    """Returns the preset that stands for one weights file of the user's.

    Args:
        name: what the user called it.
        path: of the file.
        reader: of the file.

    Raises:
        HubError: no family knows a model by such a file alone.
    """
    discover()
    known = []
    for family in _families.values():
        for layout_name, layout in family.layouts.items():
            if layout.recognize is None:
                continue
            known.append(f"{family.name} ({layout_name})")
            if (settings := layout.recognize(reader)) is not None:
                if "*" in layout.weights[0]:  # any name will do: its own
                    source, files = Folder(path.parent), (FileEntry(path.name),)
                else:
                    source = Folder(path.parent, rename={layout.weights[0]: path.name})
                    files = layout.entries()
                task = family.first_task()
                return Preset(name, family.name, task, layout_name, files, (source,), settings)
    architecture = reader.metadata.get("general.architecture")  # as GGUF files say it
    told = "" if architecture is None else f" It is of the architecture {architecture[:80]!r}."
    raise HubError(
        f"{path}: its tensors, such as {next(iter(reader), 'none')}, do not tell what model it is."
        f"{told} "
        f"Known by one file alone: {', '.join(known) or 'nothing'}. Give the folder in which it "
        "lies with its config.json."
    )


def known_indexes() -> list[str]:
    """Returns the names of the files that stand for config.json; see `Family.index`."""
    discover()
    return sorted({family.index for family in _families.values() if family.index})


def architectures_of(config: Config) -> list[str]:
    """Returns the names of architectures in a parsed file of transformers, timm or diffusers."""
    named = config.get("architectures")
    found = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    for key in ("architecture", "_class_name", "registered_name"):  # timm, diffusers, KerasHub
        if isinstance(single := config.get(key), str):
            found.append(single)
    return found


def known_marks() -> list[str]:
    """Returns the names of the files that tell some family what a backbone's files are for."""
    discover()
    layouts = [layout for family in _families.values() for layout in family.layouts.values()]
    heads = {layout.head.config for layout in layouts if layout.head is not None}
    return sorted(heads | {mark for family in _families.values() for mark in family.marks})


def identify(
    config: Config, expected: type | None = None, present: Mapping[str, Config] | None = None
) -> Identified:
    """Recognises a parsed config.json by what the families registered.

    Args:
        config: the parsed file.
        expected: the class that is to be made, which tells the family of a config that does not.
        present: name -> parsed JSON file, of those beside it; see `Family.marks`.

    Raises:
        HubError: no family knows its `model_type` or `architectures`.
    """
    discover()
    present = present or {}
    architectures = architectures_of(config)
    for family in _families.values():
        for name in architectures:
            if name in family.architectures:
                found = Architecture(*family.architectures[name])
                alone = found.one_class and count_classes(config, 2) == 1
                task = found.one_class if alone else found.task
                task = _of_head(family, found.layout, task, present)
                return Identified(family, found.layout, _marked(family, task, present))
    model_type = config.get("model_type")
    for family in _families.values():
        if isinstance(model_type, str) and model_type in family.model_types:
            task = _marked(family, family.first_task(), present)
            return Identified(family, family.model_types[model_type], task)
    for family in _families.values():
        if family.recognize is not None and family.recognize(config):
            return Identified(family, next(iter(family.layouts)), family.first_task())
    named = _family_of_class(expected) if expected is not None and model_type is None else None
    if named is not None:
        family, task = named
        for name, layout in family.layouts.items():
            if isinstance(layout.config, ConfigTable) and layout.config.file == "config.json":
                return Identified(family, name, task)
    raise HubError(
        f"config.json says model_type {model_type!r} and architectures {architectures}; no family "
        f"here knows them. The families are: {', '.join(sorted(_families)) or '(none)'}. Where "
        "config.json names neither, load it by its class, such as BertBackbone.from_preset(...)."
    )


def _of_head(family: Family, layout: str, task: str, present: Mapping[str, Config]) -> str:
    """The task that the file of a head names; see `HeadFiles`."""
    head = family.layouts[layout].head
    if head is None or head.config not in present or task != "backbone":
        return task
    for name in architectures_of(present[head.config]):
        if name in family.architectures:
            return Architecture(*family.architectures[name]).task
    return task


def _marked(family: Family, task: str, present: Iterable[str]) -> str:
    marks = [family.marks[name] for name in present if name in family.marks]
    return marks[0] if marks and task == "backbone" else task


def preset_of_source(
    name: str,
    source: Source,
    config: Config,
    expected: type | None = None,
    present: Mapping[str, Config] | None = None,
) -> Preset:
    """Returns the preset that stands for a source named by the user, whose config.json was read.

    Args:
        name: what the user called it.
        source: where its files lie.
        config: the parsed config.json.
        expected: the class that is to be made.
        present: name -> parsed JSON file, of those beside config.json; see `Family.marks`.
    """
    family, layout, task = identify(config, expected, present)
    files = family.layouts[layout].entries()
    return Preset(name, family.name, task, layout, files, (source,))
