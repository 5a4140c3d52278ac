"""How pictures are prepared, as transformers and timm write it down: read, and written back.

Whatever in these files changes pixels is honoured or an error that names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..hub.config_table import ANY, FLAG, NUMBER, Argument, ConfigTable, Fixed, Kind
from ..hub.errors import HubError

FILE = "preprocessor_config.json"
# The key of our own config.json under which the preprocessor's arguments stand.
OWN = "image_preprocessing"
_OWN_ARGUMENTS = (
    *("image_size", "crop", "crop_ratio", "interpolation", "scale", "mean", "std"),
    *("channel_order", "margin"),
)
# transformers writes Pillow's numbers.
FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}

Arguments = dict[str, Any]


class _Processor(NamedTuple):
    """What a class of transformers does where its file says nothing.

    `way` is "edge": the shorter side becomes `size`, then the centre is cut out; "square": the
    whole picture becomes `size`, whatever its proportions; "convnext": like "edge" with a margin
    of `crop_pct` below 384 pixels, else like "square".
    """

    way: str
    filter: str
    crops: bool


_PROCESSORS = {
    "ConvNext": _Processor("convnext", "bicubic", False),
    "ViT": _Processor("square", "bilinear", False),
    "Beit": _Processor("square", "bicubic", False),
    "DeiT": _Processor("square", "bicubic", True),
    "Bit": _Processor("edge", "bicubic", True),
    "CLIP": _Processor("edge", "bicubic", True),
}
_ENDINGS = ("ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor")
_NAMES = [f"{kind}{ending}" for kind in _PROCESSORS for ending in _ENDINGS]

TRANSFORMERS = ConfigTable(
    "a picture",
    Argument("image_processor_type", "processor", default="", values=_NAMES),
    Argument("feature_extractor_type", "extractor", default="", values=_NAMES),
    Argument("size", "size", ANY, None),
    Argument("crop_size", "crop_size", ANY, None),
    Argument("crop_pct", "crop_pct", NUMBER, 224 / 256),
    Argument("do_center_crop", "crops", FLAG, None),
    Argument("resample", "interpolation", default=None, values=FILTERS),
    Argument("do_rescale", "rescales", FLAG, True),
    Argument("rescale_factor", "scale", NUMBER, 1 / 255),
    Argument("do_normalize", "normalizes", FLAG, True),
    Argument("image_mean", "mean", ANY, None),
    Argument("image_std", "std", ANY, None),
    Fixed("do_resize", True),
    Fixed("do_pad", False),
    Fixed("do_flip_channel_order", False),
    irrelevant=(
        *("_valid_processor_keys", "data_format", "default_to_square", "device"),
        *("disable_grouping", "do_convert_rgb", "do_reduce_labels", "input_data_format"),
        *("processor_class", "return_tensors"),
    ),
    file=FILE,
    finish=lambda found: _from_transformers(found),
)

TIMM = ConfigTable(
    "a picture",
    Argument("input_size", "input_size", ANY, [3, 224, 224]),
    Argument("crop_pct", "crop_ratio", NUMBER, 0.875),
    Argument(
        "crop_mode",
        "crop",
        default="center",
        values={"center": "resize_first", "squash": "squash"},
    ),
    Argument("interpolation", "interpolation", default="bilinear", values=tuple(FILTERS.values())),
    Argument("mean", "mean", ANY, [0.485, 0.456, 0.406]),
    Argument("std", "std", ANY, [0.229, 0.224, 0.225]),
    irrelevant=(
        *("architecture", "classifier", "custom_load", "file", "first_conv", "fixed_input_size"),
        *("hf_hub_filename", "hf_hub_id", "hf_hub_model_id", "label_descriptions", "label_names"),
        *("label_offset", "license", "min_input_size", "notes", "num_classes", "origin_url"),
        *("paper_ids", "paper_name", "pool_size", "source", "state_dict", "tag", "url"),
        # What pictures of another size are best prepared by.
        *("test_crop_pct", "test_input_size"),
    ),
    file="config.json's pretrained_cfg",
    finish=lambda found: _from_timm(found),
)


def timm_table(
    subject: str,
    names: Mapping[str, Any] | Sequence[str],
    architecture: Callable[[Any], Arguments],
    undo: Callable[[Arguments], Arguments],
    pool: str = "avg",
) -> ConfigTable:
    """Returns the table of timm's config.json for one kind of networks.

    Args:
        subject: what the file describes, for errors.
        names: timm's architectures; a mapping gives ours for each.
        architecture: one of ours -> arguments of the model.
        undo: those arguments -> the architecture as `name`, and what it does not say.
        pool: how timm's networks of this kind pool by themselves.
    """
    defaults = {"in_chans": 3, "global_pool": pool}

    def are_defaults(value: Any) -> bool:
        known = isinstance(value, Mapping) and value.keys() <= {*defaults, "num_classes"}
        return known and all(
            value.get(key, default) == default for key, default in defaults.items()
        )

    # timm writes down again what the class takes by itself.
    words = f"nothing but num_classes, in_chans 3 and global_pool {pool}"
    return ConfigTable(
        subject,
        Argument("architecture", "name", values=names),
        Fixed("global_pool", pool),
        Argument("model_args", "model_args", Kind(are_defaults, words), {}),
        irrelevant=(
            *("num_classes", "num_features", "label_names", "label_descriptions", "license"),
            *("pretrained_cfg", "timm_version"),
        ),
        finish=lambda found: architecture(found["name"]),
        undo=undo,
    )


def image_settings(
    files: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> Arguments:
    """Returns the arguments of `ImageClassifierPreprocessor`, from the first that has them.

    These are: `image` among the preset's settings, transformers' preprocessor_config.json, timm's
    `pretrained_cfg` in config.json; where none has any, the field's usual ones.

    Raises:
        HubError: a file asks for what the preprocessor does not do.
    """
    if "image" in settings:
        return dict(settings["image"])
    own = files["config.json"].get(OWN) if "config.json" in files else None
    if own is not None:
        return _from_own(own)
    if FILE in files:
        return TRANSFORMERS.read(files[FILE])
    timm = files["config.json"].get("pretrained_cfg") if "config.json" in files else None
    return TIMM.read(timm) if isinstance(timm, Mapping) else {}


def write_own(preprocessor: Any) -> dict[str, Any]:
    """Returns the arguments of a preprocessor but for its labels; `image_settings` reads them."""
    return {name: getattr(preprocessor, name) for name in _OWN_ARGUMENTS}


def _from_own(found: Any) -> Arguments:
    if not isinstance(found, Mapping) or set(found) - set(_OWN_ARGUMENTS):
        raise HubError(
            f"config.json's {OWN} must be an object with the keys {', '.join(_OWN_ARGUMENTS)}; got "
            f"{str(found)[:80]}"
        )
    return dict(found)


def write_transformers(preprocessor: Any) -> dict[str, Any]:
    """Returns the preprocessor_config.json by which transformers prepares pictures alike.

    Raises:
        HubError: none does.
    """
    height, width = preprocessor.image_size
    ratio, crop = preprocessor.crop_ratio, preprocessor.crop
    config: dict[str, Any] = {"image_processor_type": "ViTImageProcessor", "do_resize": True}
    if crop == "none":
        config["size"] = {"height": height, "width": width}
    elif crop == "squash" or (crop == "resize_first" and height == width):
        config["do_center_crop"] = True
        config["crop_size"] = {"height": height, "width": width}
        larger = int(height / ratio), int(width / ratio)
        if crop == "squash":
            config["image_processor_type"] = "DeiTImageProcessor"
            config["size"] = {"height": larger[0], "width": larger[1]}
        else:
            config["image_processor_type"] = "BitImageProcessor"
            config["size"] = {"shortest_edge": larger[0]}
    else:
        raise HubError(f"{FILE} has no word for crop={crop!r} to {height}x{width}.")
    if preprocessor.channel_order != "rgb":
        raise HubError(f"{FILE} has no word for channel_order={preprocessor.channel_order!r}.")
    return config | {
        "resample": next(n for n, name in FILTERS.items() if name == preprocessor.interpolation),
        "do_rescale": preprocessor.scale != 1,
        "rescale_factor": preprocessor.scale,
        "do_normalize": True,
        "image_mean": list(preprocessor.mean),
        "image_std": list(preprocessor.std),
    }


def write_timm(preprocessor: Any) -> dict[str, Any]:
    """Returns the `pretrained_cfg` by which timm prepares pictures alike.

    Raises:
        HubError: none does.
    """
    crop = preprocessor.crop
    modes = {"resize_first": "center", "squash": "squash", "none": "squash"}
    odd = {"crop": crop} if crop not in modes else {}
    if preprocessor.channel_order != "rgb":
        odd["channel_order"] = preprocessor.channel_order
    if not math.isclose(preprocessor.scale, 1 / 255):
        odd["scale"] = preprocessor.scale
    if odd:
        said = ", ".join(f"{name}={value!r}" for name, value in odd.items())
        raise HubError(f"{TIMM.file} has no word for {said}.")
    return {
        "input_size": [3, *preprocessor.image_size],
        "crop_pct": 1.0 if crop == "none" else preprocessor.crop_ratio,
        "crop_mode": modes[crop],
        "interpolation": preprocessor.interpolation,
        "mean": list(preprocessor.mean),
        "std": list(preprocessor.std),
    }


def _from_timm(found: Arguments) -> Arguments:
    channels, *size = _numbers(found.pop("input_size"), 3, TIMM.file, "input_size")
    if channels != 3:
        raise HubError(f"{TIMM.file}: pictures of {channels} channels; here they have 3.")
    for key in ("mean", "std"):
        found[key] = _numbers(found[key], 3, TIMM.file, key)
    return {"image_size": (int(size[0]), int(size[1])), "margin": "round", **found}


def _from_transformers(found: Arguments) -> Arguments:
    name = found["processor"] or found["extractor"]
    kind = next((one for key, one in _PROCESSORS.items() if name.startswith(key)), None)
    if kind is None:
        edge = isinstance(found["size"], Mapping) and "shortest_edge" in found["size"]
        cropped = found["crop_size"] is not None or found["crops"] is True
        square = isinstance(found["size"], Mapping) and not edge
        kind = _PROCESSORS["ViT" if square else "Bit" if cropped else "ConvNext"]
    settings = {
        **_frame(found, kind),
        "interpolation": found["interpolation"] or kind.filter,
        "scale": found["scale"] if found["rescales"] else 1.0,
        "mean": (0.0,) * 3,
        "std": (1.0,) * 3,
    }
    if found["normalizes"]:
        settings["mean"] = _numbers(found["mean"], 3, FILE, "image_mean")
        settings["std"] = _numbers(found["std"], 3, FILE, "image_std")
    return settings


def _frame(found: Arguments, kind: _Processor) -> Arguments:
    """Returns `image_size`, `crop` and `crop_ratio`."""
    crops = kind.crops if found["crops"] is None else found["crops"]
    edge, whole = _sizes(found["size"], kind)
    cropped = _pair(found["crop_size"], "crop_size") if crops else None
    if whole is not None and cropped is None:
        return {"image_size": whole, "crop": "none"}
    if whole is not None and cropped is not None:
        if cropped[0] * whole[1] != cropped[1] * whole[0] or cropped[0] > whole[0]:
            raise _unknown("crop_size", found["crop_size"], f"a part of size {whole}, alike")
        return {
            "image_size": cropped,
            "crop": "squash",
            "crop_ratio": _ratio(cropped[0], whole[0]),
        }
    if kind.way == "convnext":
        if cropped not in (None, (edge, edge)):
            raise _unknown("crop_size", found["crop_size"], f"{edge}x{edge}")
        if edge >= 384:
            return {"image_size": (edge, edge), "crop": "none"}
        return {"image_size": (edge, edge), "crop": "resize_first", "crop_ratio": found["crop_pct"]}
    if cropped is None:
        raise _unknown("do_center_crop", False, "true: else pictures come out in any shape")
    if cropped[0] != cropped[1] or cropped[0] > edge:
        raise _unknown("crop_size", found["crop_size"], f"a square of at most {edge}")
    return {
        "image_size": cropped,
        "crop": "resize_first",
        "crop_ratio": _ratio(cropped[0], edge),
    }


def _sizes(size: Any, kind: _Processor) -> tuple[int, tuple[int, int] | None]:
    """Returns (the shorter side's length, None), or (0, height and width of the whole picture)."""
    if size is None:
        raise _unknown("size", None, "a number, or {shortest_edge}, or {height, width}")
    if isinstance(size, Mapping) and set(size) == {"shortest_edge"}:
        size = size["shortest_edge"]
        if not isinstance(size, int) or size < 1 or kind.way == "square":
            raise _unknown("size", {"shortest_edge": size}, "{height, width} for this processor")
        return size, None
    if isinstance(size, Mapping) or kind.way == "square":
        return 0, _pair(size, "size")
    return _pair(size, "size")[0], None


def _pair(size: Any, key: str) -> tuple[int, int]:
    if isinstance(size, Mapping) and set(size) == {"height", "width"}:
        size = (size["height"], size["width"])
    elif isinstance(size, int):
        size = (size, size)
    if isinstance(size, tuple) and all(isinstance(n, int) and n > 0 for n in size):
        return size
    raise _unknown(key, size, "a positive number, or {height, width}")


def _ratio(inner: int, outer: int) -> float:
    """Returns the share of `outer` that `inner` is, such that `int(inner / share)` is `outer`."""
    ratio = inner / outer
    while int(inner / ratio) < outer:
        ratio = math.nextafter(ratio, 0.0)
    return ratio


def _numbers(value: Any, count: int, file: str, key: str) -> tuple[float, ...]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = [value] * count
    if isinstance(value, list | tuple) and len(value) == count:
        if all(isinstance(n, int | float) and math.isfinite(n) for n in value):
            return tuple(value)
    raise HubError(f"{file}: {key} is {value!r}; {count} numbers are expected.")


def _unknown(key: str, value: Any, supported: str) -> HubError:
    return HubError(f"{FILE}: {key} is {value!r}; supported: {supported}.")
