"""Where weights come from: presets, the cache, readers of foreign files, weight maps.

The names below are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_NAMES = {
    "CommandLineAdapter": ".adapters",
    "ParityAdapter": ".adapters",
    "PresetAdapter": ".adapters",
    "Backbone": ".bases",
    "Preprocessor": ".bases",
    "Task": ".bases",
    "Tokenizer": ".bases",
    "Publication": ".publishing",
    "publish": ".publishing",
    "Conversion": ".converting",
    "convert": ".converting",
    "CacheError": ".errors",
    "HubError": ".errors",
    "IntegrityError": ".errors",
    "ReaderError": ".errors",
    "SourcesExhaustedError": ".errors",
    "UnknownPresetError": ".errors",
    "WeightsError": ".errors",
    "Cache": ".cache",
    "cache_root": ".cache",
    "GraphModel": ".graphs",
    "from_onnx": ".graphs",
    "from_torch": ".torch_modules",
    "describe": ".fetch",
    "resolve": ".fetch",
    "fetch_preset": ".loading",
    "find_preset": ".loading",
    "LicenceError": ".licences",
    "load_preset": ".loading",
    "FileEntry": ".preset",
    "Folder": ".preset",
    "HuggingFace": ".preset",
    "LocalPreset": ".preset",
    "Package": ".preset",
    "Preset": ".preset",
    "Url": ".preset",
    "Argument": ".config_table",
    "ConfigTable": ".config_table",
    "Fixed": ".config_table",
    "Same": ".config_table",
    "open_reader": ".readers",
    "Architecture": ".registry",
    "Family": ".registry",
    "Layout": ".registry",
    "get_family": ".registry",
    "get_preset": ".registry",
    "list_presets": ".registry",
    "register_family": ".registry",
    "register_preset": ".registry",
    "save_to_preset": ".saving",
    "Join": ".weight_map",
    "Row": ".weight_map",
    "WeightMap": ".weight_map",
    "ZERO": ".weight_map",
    "export": ".exporting",
    "load": ".weights",
}

if TYPE_CHECKING:
    from .adapters import CommandLineAdapter as CommandLineAdapter
    from .adapters import ParityAdapter as ParityAdapter
    from .adapters import PresetAdapter as PresetAdapter
    from .bases import Backbone as Backbone
    from .bases import Preprocessor as Preprocessor
    from .bases import Task as Task
    from .bases import Tokenizer as Tokenizer
    from .cache import Cache as Cache
    from .cache import cache_root as cache_root
    from .config_table import Argument as Argument
    from .config_table import ConfigTable as ConfigTable
    from .config_table import Fixed as Fixed
    from .config_table import Same as Same
    from .converting import Conversion as Conversion
    from .converting import convert as convert
    from .errors import CacheError as CacheError
    from .errors import HubError as HubError
    from .errors import IntegrityError as IntegrityError
    from .errors import ReaderError as ReaderError
    from .errors import SourcesExhaustedError as SourcesExhaustedError
    from .errors import UnknownPresetError as UnknownPresetError
    from .errors import WeightsError as WeightsError
    from .exporting import export as export
    from .fetch import describe as describe
    from .fetch import resolve as resolve
    from .graphs import GraphModel as GraphModel
    from .graphs import from_onnx as from_onnx
    from .licences import LicenceError as LicenceError
    from .loading import fetch_preset as fetch_preset
    from .loading import find_preset as find_preset
    from .loading import load_preset as load_preset
    from .preset import FileEntry as FileEntry
    from .preset import Folder as Folder
    from .preset import HuggingFace as HuggingFace
    from .preset import LocalPreset as LocalPreset
    from .preset import Package as Package
    from .preset import Preset as Preset
    from .preset import Url as Url
    from .publishing import Publication as Publication
    from .publishing import publish as publish
    from .readers import open_reader as open_reader
    from .registry import Architecture as Architecture
    from .registry import Family as Family
    from .registry import Layout as Layout
    from .registry import get_family as get_family
    from .registry import get_preset as get_preset
    from .registry import list_presets as list_presets
    from .registry import register_family as register_family
    from .registry import register_preset as register_preset
    from .saving import save_to_preset as save_to_preset
    from .torch_modules import from_torch as from_torch
    from .weight_map import ZERO as ZERO
    from .weight_map import Join as Join
    from .weight_map import Row as Row
    from .weight_map import WeightMap as WeightMap
    from .weights import load as load


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'isozoo.hub' has no attribute {name!r}")
    value = getattr(import_module(_NAMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
