"""Configs of Keras 2: classes without a module, and arguments by older names."""

from __future__ import annotations

from typing import Any

from ..registered import public_class

# Where a class is looked for, in this order.
_MODULES = (
    "keras.layers",
    "keras",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.losses",
    "keras.metrics",
)
_FUNCTIONAL = ("Functional", "Model")
# Arguments of layers that have no meaning any more.
_DROPPED = frozenset(("ragged", "time_major", "implementation", "input_length", "batch_size"))
# Convolutions in parts: Keras 2 wrote the settings of a plain convolution, too, without a meaning.
_IN_PARTS = frozenset(
    (
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "SeparableConv1D",
        "SeparableConv2D",
        "SeparableConvolution1D",
        "SeparableConvolution2D",
    )
)
_OF_PLAIN = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
_KINDS = {
    "_initializer": "keras.initializers",
    "_regularizer": "keras.regularizers",
    "_constraint": "keras.constraints",
}


def modernized(x: Any, module: str | None = None) -> Any:
    """Returns a config of Keras 2 in the form of Keras 3; what has that form already stays.

    Args:
        x: a config, or anything in one.
        module: where the class is, if the place in the config tells.
    """
    if isinstance(x, list | tuple):
        return [modernized(value) for value in x]
    if not isinstance(x, dict):
        return x
    if "class_name" not in x or "config" not in x:
        return {key: modernized(value, _module_of(key)) for key, value in x.items()}
    if "module" in x or not isinstance(x["class_name"], str):
        return x
    name = x["class_name"]
    if name in ("Policy", "DTypePolicy", "PolicyV1"):
        # The scale of losses beside the name is the optimizer's now.
        told = x["config"]
        named = {"name": told["name"]} if isinstance(told, dict) and "name" in told else told
        return {"module": "keras", "class_name": "DTypePolicy", "config": named}
    config = modernized(x["config"])
    if name == "Sequential" and isinstance(config, list):  # files of the first years
        config = {"name": "sequential", "layers": config}
    if isinstance(config, dict):
        config = _arguments(name, config)
    found = module or _home(name)
    made = {key: value for key, value in x.items() if key not in ("class_name", "config")}
    if name in _FUNCTIONAL and found in (None, "keras"):
        if isinstance(config, dict) and "layers" in config:
            found, name = "keras.src.models.functional", "Functional"
    if found is None:
        return {**made, "module": None, "class_name": name, "config": config}
    return {
        **made,
        "module": found,
        "class_name": name,
        "config": config,
        "registered_name": name if name == "Functional" else None,
    }


def _module_of(key: str) -> str | None:
    return next((module for ending, module in _KINDS.items() if key.endswith(ending)), None)


def _home(name: str) -> str | None:
    return next((m for m in _MODULES if public_class(m, name) is not None), None)


def _arguments(name: str, config: dict[str, Any]) -> dict[str, Any]:
    made = dict(config)
    shape = made.pop("batch_input_shape", None)
    if shape is not None:
        made["batch_shape"] = shape
    axis = made.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        made["axis"] = axis[0]
    if name in _IN_PARTS:
        if made.get("groups") == 1:
            del made["groups"]
        if name.startswith("Depthwise") and made.get("filters", 1) is None:
            del made["filters"]
        made = {key: value for key, value in made.items() if key not in _OF_PLAIN}
    if name in ("GRU", "GRUCell"):  # a file without the word is of a time with this way alone
        made.setdefault("reset_after", False)
    if name == "Lambda" and isinstance(made.get("function"), list | tuple):
        # Marshalled code, which the layer refuses in its own words.
        made["function"] = {"class_name": "__lambda__", "config": {}}
    if name == "Lambda":
        drop = ("function_type", "output_shape_type", "mask_type", "module")
        drop += ("output_shape_module", "mask_module")
        made = {key: value for key, value in made.items() if key not in drop}
    if "lr" in made:
        made["learning_rate"] = made.pop("lr")
    if name != "InputLayer":
        made = {key: value for key, value in made.items() if key not in _DROPPED}
    return made
