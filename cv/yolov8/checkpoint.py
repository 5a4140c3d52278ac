"""What a checkpoint of ultralytics says of its network: sizes, classes, and what it computes.

A pickled module tells each of its layers; whatever differs from YOLOv8 here is an error. A file of
tensors alone tells the sizes by their shapes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ...hub.errors import ReaderError
from ...hub.loading import JsonFiles
from ...hub.readers import Reader, open_reader
from ...hub.readers.module_pickle import StandIn
from ...hub.readers.pickle_machine import StoredTensor
from ..adapters import ObjectDetectorPresetAdapter
from ..letterbox import ObjectDetectorPreprocessor
from .backbone import EPSILON, STRIDES
from .head import BINS
from .weight_map import HEAD

# The modules of a YOLOv8 in order: the class, and which modules it takes (-1: the one before).
_STEP = [("Conv", -1), ("C2f", -1)]
NETWORK: list[tuple[str, Any]] = [
    *(("Conv", -1), *_STEP, *_STEP, *_STEP, *_STEP, ("SPPF", -1)),
    *(("Upsample", -1), ("Concat", [-1, 6]), ("C2f", -1)),
    *(("Upsample", -1), ("Concat", [-1, 4]), ("C2f", -1)),
    *(("Conv", -1), ("Concat", [-1, 12]), ("C2f", -1)),
    *(("Conv", -1), ("Concat", [-1, 9]), ("C2f", -1)),
    ("Detect", [15, 18, 21]),
]
_STAGES, _CHANNELS, _POOL = (2, 4, 6, 8), (0, 1, 3, 5, 7), 9
_POOL_ENTRY = f"model.{_POOL}.cv1"
MAX_NAME = 256
# What a module of a class must hold, where it holds it at all.
_SETTINGS: dict[str, dict[str, Any]] = {
    "BatchNorm2d": {"eps": EPSILON, "affine": True, "track_running_stats": True},
    "Concat": {"d": 1},
    "Conv2d": {
        "dilation": (1, 1),
        "groups": 1,
        "padding_mode": "zeros",
        "transposed": False,
    },
    "Detect": {"nl": len(STRIDES), "reg_max": BINS},
    "MaxPool2d": {"kernel_size": 5, "stride": 1, "padding": 2, "dilation": 1, "ceil_mode": False},
    "SPPF": {"n": 3, "add": False},
    "Upsample": {"scale_factor": 2.0, "mode": "nearest"},
}


class Description(NamedTuple):
    """What a checkpoint says of its network.

    Attributes:
        backbone: arguments of the backbone.
        num_classes: number of classes.
        labels: their names; None where the file has none.
        image_size: of the pictures in training; None where the file does not say it.
        license: as the file says it; "" where it does not.
    """

    backbone: Mapping[str, Any]
    num_classes: int
    labels: tuple[str, ...] | None
    image_size: int | None
    license: str


class CheckpointPresetAdapter(ObjectDetectorPresetAdapter):
    """Takes classes and the size of the frame from the checkpoint where there is no config.json."""

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the number of classes."""
        if "config.json" in files:
            return super().head_config(files, settings)
        return {"num_classes": described(files).num_classes}

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Any], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ObjectDetectorPreprocessor:
        """Returns the preprocessor with the names of the classes, where the file has them."""
        if "config.json" in files:
            return super().make_preprocessor(files, config, settings)
        found = described(JsonFiles(files))
        labels = settings.get("labels") or found.labels
        if labels is not None and len(labels) != config.get("num_classes", found.num_classes):
            labels = None  # the user asked for other classes
        size = settings.get("image_size") or found.image_size or 640
        return ObjectDetectorPreprocessor(size, labels=labels)


def described(files: Any) -> Description:
    """Returns what the checkpoint among a preset's files says.

    Args:
        files: parsed JSON files, with the `paths` of all files.

    Raises:
        ReaderError: the file is damaged, or its network is not a YOLOv8 as here.
    """
    paths: Mapping[str, Any] = files.paths
    path = next(paths[name] for name in paths if name.endswith((".pt", ".safetensors")))
    found = os.stat(path)
    return _described(os.fspath(path), (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=4)
def _described(path: str, stamp: tuple[int, ...]) -> Description:
    with open_reader(path) as reader:
        module = getattr(reader, "module", None)
        if module is not None:
            _check_network(reader, module)
        prefix = _prefix(reader)
        backbone: dict[str, Any] = {
            "channels": tuple(_rows(reader, f"{prefix}{i}.conv.weight") for i in _CHANNELS),
            "depths": tuple(_depth(reader, f"{prefix}{i}") for i in _STAGES),
            "neck_depth": _depth(reader, f"{prefix}12"),
        }
        count = _rows(reader, f"{prefix}{HEAD}.cv3.0.2.weight")
        if module is None:
            return Description(backbone, count, None, None, "")
        pool = _network(reader, module)[_POOL].parts("_modules").get("cv1")
        entry = pool.parts("_modules").get("act") if isinstance(pool, StandIn) else None
        backbone["pool_activation"] = _class(entry) == "SiLU"
        return Description(
            backbone,
            count,
            _labels(reader, module, count),
            _image_size(module),
            str(reader.metadata.get("license", ""))[:MAX_NAME],
        )


def _prefix(reader: Reader) -> str:
    """What stands before the number of a module in the names of tensors."""
    for prefix in ("model.", "model.model.", ""):
        if f"{prefix}0.conv.weight" in reader:
            return prefix
    raise ReaderError(
        reader.path,
        "it has no tensor model.0.conv.weight, with which a YOLOv8 begins",
        advice="Is this the layout of ultralytics, and a detector?",
    )


def _rows(reader: Reader, key: str) -> int:
    """The number of output channels of a convolution."""
    if key not in reader or len(reader.info(key).shape) != 4:
        raise ReaderError(reader.path, f"it has no kernel {key}, which each YOLOv8 has", key)
    return reader.info(key).shape[0]


def _depth(reader: Reader, place: str) -> int:
    """The number of bottlenecks of a block."""
    depth = 0
    while f"{place}.m.{depth}.cv1.conv.weight" in reader:
        depth += 1
    if not depth:
        raise ReaderError(reader.path, f"its block {place} has no bottleneck", place)
    return depth


def _class(module: Any) -> str:
    return module.name.rpartition(" ")[2] if isinstance(module, StandIn) else type(module).__name__


def _network(reader: Reader, module: StandIn) -> list[StandIn]:
    """The numbered modules of a model."""
    inner = module.parts("_modules").get("model")
    found = list(inner.parts("_modules").values()) if isinstance(inner, StandIn) else []
    if not all(isinstance(one, StandIn) for one in found) or len(found) != len(NETWORK):
        raise ReaderError(
            reader.path,
            f"its model has {len(found)} modules; a YOLOv8 has {len(NETWORK)}",
            module.name,
        )
    return found


def _check_network(reader: Reader, module: StandIn) -> None:
    """Raises ReaderError where the modules compute something else than YOLOv8 here."""
    for number, (one, (kind, source)) in enumerate(
        zip(_network(reader, module), NETWORK, strict=True)
    ):
        place = f"model.{number}"
        found = one.state.get("f", source)
        if _class(one) != kind or found != source:
            raise ReaderError(
                reader.path,
                f"module {number} is a {_class(one)} of {_told(found)}; a YOLOv8 has a {kind} of "
                f"{source} there",
                place,
                "Other detectors of ultralytics, and other tasks, are not known here.",
            )
        steps = 2 if kind == "Conv" else 1
        for name, part in _parts(one, place):
            _check_part(reader, name, part, steps, shortcut=number in _STAGES)
    stride = module.state.get("stride")
    if isinstance(stride, StoredTensor) and stride.shape == (len(STRIDES),):
        numbers = reader.read_stored(stride, "stride").astype(float).tolist()  # pyright: ignore[reportAttributeAccessIssue]
        if numbers != list(STRIDES):
            raise ReaderError(
                reader.path, f"its strides are {numbers}; a YOLOv8 here has {list(STRIDES)}"
            )


def _parts(module: StandIn, place: str) -> Iterator[tuple[str, StandIn]]:
    """A module and all those in it, by name; each once."""
    waiting, entered = [(place, module)], set()
    while waiting:
        name, one = waiting.pop()
        if id(one) not in entered:
            entered.add(id(one))
            yield name, one
            waiting += [
                (f"{name}.{key}", part)
                for key, part in one.parts("_modules").items()
                if isinstance(part, StandIn)
            ]


def _check_part(reader: Reader, name: str, part: StandIn, steps: int, shortcut: bool) -> None:
    kind = _class(part)
    expected = dict(_SETTINGS.get(kind, {}))
    if kind == "Conv2d":
        kernel = part.state.get("kernel_size")
        side = kernel[0] if isinstance(kernel, tuple) and kernel else 1
        expected["stride"] = (steps, steps)
        expected["padding"] = (side // 2, side // 2) if isinstance(side, int) else None
    elif kind == "Bottleneck":
        expected["add"] = shortcut
    elif kind == "Conv":
        inner = {key: _class(one) for key, one in part.parts("_modules").items()}
        free = inner.get("act") == "Identity" and name == _POOL_ENTRY
        expected["act"] = "Identity" if free else "SiLU"
        part_state = {"act": inner.get("act", "nothing")}
        _compare(reader, name, kind, part_state, expected)
        return
    _compare(reader, name, kind, part.state, expected)


def _compare(
    reader: Reader, name: str, kind: str, state: Mapping[Any, Any], expected: Mapping[str, Any]
) -> None:
    for key, value in expected.items():
        found = state.get(key, value)
        if found != value:
            raise ReaderError(
                reader.path,
                f"{key} of its {kind} is {_told(found)}; YOLOv8 here has {value}",
                name,
            )


def _told(value: Any) -> str:
    """A value of a file in an error: what is nested is not written out."""
    if isinstance(value, str | int | float | bool):
        return str(value)[:80]
    if isinstance(value, tuple | list) and all(isinstance(x, int | float) for x in value[:8]):
        return repr(value[:8])
    return type(value).__name__


def _labels(reader: Reader, module: StandIn, count: int) -> tuple[str, ...] | None:
    names = module.state.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return None
    found = [names.get(number) for number in range(count)]
    if len(names) != count or not all(isinstance(n, str) and 0 < len(n) <= MAX_NAME for n in found):
        raise ReaderError(
            reader.path, f"it names {len(names)} classes and has scores of {count}", "names"
        )
    return tuple(str(name) for name in found)


def _image_size(module: StandIn) -> int | None:
    settings = module.state.get("args")
    settings = settings.state if isinstance(settings, StandIn) else settings
    size = settings.get("imgsz") if isinstance(settings, dict) else None
    if not isinstance(size, int) or isinstance(size, bool) or size % STRIDES[-1]:
        return None
    return size if STRIDES[-1] <= size <= 8192 else None
