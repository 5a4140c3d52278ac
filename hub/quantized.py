"""Presets whose weights are kept in few bits.

Such a folder is that of the model in Hugging Face's layout, but for two things: config.json has a
`quantization_config` of the method "isozoo", which names the dtype policy of all layers; and a
weight of few bits stands in the file as its parts, `<name>.levels`, `<name>.scale` and, where
scales hold for blocks, `<name>.zero` and `<name>.groups`, as the layers have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..framework.quantizers import AbsMaxQuantizer
from .errors import HubError
from .weight_map import Row, WeightMap

KEY, METHOD = "quantization_config", "isozoo"
_POLICY = re.compile(r"(int8|int4|int4/-1|int4/[1-9][0-9]{0,5})_from_(float32|bfloat16|float64)")
_WEIGHTS = (".kernel", ".embeddings")


def quantization_entry(model: Any) -> dict[str, Any]:
    """Returns what config.json says of the weights of few bits of a model; nothing if none are.

    Raises:
        HubError: some layers have them and others do not, or in another way.
    """
    found: dict[Any, list[str]] = {}
    for layer in _quantizable(model):
        mode, quantizer = layer.quantization_mode, layer.inputs_quantizer
        known = quantizer is None or type(quantizer) is AbsMaxQuantizer
        inputs = "floats" if quantizer is None else "int8" if known else "others"
        if mode is None or "embeddings" in vars(layer)["_quantized_weights"]:
            inputs = ""  # a table has no inputs but numbers of rows
        kind = (layer.dtype_policy.name, inputs) if mode else ("as floats", "")
        found.setdefault(kind, []).append(layer.path)
    policies = {policy for policy, _ in found}
    if policies <= {"as floats"}:
        return {}
    kinds = {inputs for _, inputs in found if inputs}
    if len(policies) > 1 or len(kinds) > 1 or not _POLICY.fullmatch(min(policies)):
        told = "; ".join(f"{' '.join(kind)}: {paths[0]}, …" for kind, paths in found.items())
        raise HubError(
            "a preset has one kind of weights of few bits, int8 or int4, in all its layers; this "
            f"model has {told}. Quantize it as a whole, or save it by `model.save_weights`."
        )
    inputs = next(iter(kinds), "floats")
    return {KEY: {"quant_method": METHOD, "dtype": min(policies), "inputs": inputs}}


def _quantizable(model: Any) -> list[Any]:
    """The layers of a model that can have weights of few bits."""
    layers = model._flatten_layers()
    return [layer for layer in layers if getattr(layer, "_rule", None) is not None and layer.built]


def dtype_of_config(config: Mapping[str, Any], wanted: str | None) -> str | None:
    """Returns the dtype policy that a config.json asks for, computing in `wanted`; None if none.

    Raises:
        HubError: the entry is of this form and names another policy.
    """
    entry = _entry(config)
    if entry is None:
        return None
    name = entry.get("dtype")
    if not isinstance(name, str) or not _POLICY.fullmatch(name):
        raise HubError(
            f"config.json: {KEY!r} names the dtype {name!r:.60}; known are 'int8_from_float32', "
            "'int4_from_float32', 'int4/128_from_float32' and their like."
        )
    if entry.get("inputs") not in ("int8", "floats"):
        raise HubError(
            f"config.json: {KEY!r} must say of `inputs` either 'int8' or 'floats'; got "
            f"{entry.get('inputs')!r:.60}."
        )
    return name if wanted is None else f"{name.split('_from_')[0]}_from_{wanted}"


def set_inputs(model: Any, config: Mapping[str, Any]) -> None:
    """Lets the layers of a model round their inputs, or not, as a config.json says."""
    entry = _entry(config)
    if entry is not None and entry.get("inputs") == "floats":
        for layer in _quantizable(model):
            layer.inputs_quantizer = None


def _entry(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    entry = config.get(KEY)
    ours = isinstance(entry, Mapping) and entry.get("quant_method") == METHOD
    return entry if ours else None


def with_parts(weight_map: WeightMap, paths: Iterable[str]) -> WeightMap:
    """Returns the map with rows for the parts of weights of few bits, where `paths` has any."""
    if not any(path.endswith(("kernel_scale", "embeddings_scale")) for path in paths):
        return weight_map
    rows = []
    for row in weight_map.rows:
        ours = row.ours
        foreign = row.foreign
        if row.tied or not isinstance(ours, str) or not ours.endswith(_WEIGHTS):
            continue
        if not isinstance(foreign, str | tuple):  # a join of several
            continue
        key = foreign if isinstance(foreign, str) else foreign[0]
        parts = {
            "levels": ours,
            "scale": f"{ours}_scale",
            "zero": f"{ours}_zero",
            "groups": f"{ours.rpartition('.')[0]}.g_idx",
        }
        rows += [
            Row(f"{key}.{part}", path, None, True, prefixed=row.prefixed, head=row.head)
            for part, path in parts.items()
        ]
    return WeightMap(*rows, *weight_map.rows, prefixes=weight_map.prefixes)
