"""From one layout to another, tensor by tensor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..framework.folders import files_of, new_folder
from .converted_cards import keep_card
from .errors import ChoiceError, HubError
from .loading import (
    build_without_values,
    class_for,
    fetch_preset,
    head_config,
    layout_of,
    load_preset,
    model_config,
    open_weights,
    preprocessor_of,
)
from .preset import LocalPreset, Preset
from .registry import get_family
from .saving import save_to_preset, writable_layout
from .weights import pending_values


@dataclass
class Conversion:
    """What `convert` wrote.

    Attributes:
        source: where the files came from.
        layout: the layout that was written, by its full name.
        files: name in the folder -> size in bytes.
        tensors: how many variables were written.
        license: as the source's card, or its preset, says; "" where neither does.
        dropped: names of tensors in the source that have no counterpart in the model, such as
            those of a head that the family does not have, or buffers that are computed.
    """

    source: str
    layout: str
    files: dict[str, int] = field(default_factory=dict)
    tensors: int = 0
    license: str = ""
    dropped: list[str] = field(default_factory=list)


def convert(
    source: str | os.PathLike[str] | Preset,
    folder: str | os.PathLike[str],
    layout: str = "huggingface",
    *,
    task: str | None = None,
    dtype: str | None = None,
    max_shard_bytes: int = 5_000_000_000,
    overwrite: bool = False,
    ignore_keys: Iterable[str] = (),
    offline: bool | None = None,
    progress: bool | None = None,
) -> Conversion:
    """Writes a model's files in another layout of its family, without loading the model.

    One tensor at a time is read, rearranged, cast and written; memory holds no more. The elements
    are those of the source, bit for bit, unless `dtype` says otherwise. The folder appears as a
    whole when all of its files are there, with the source's card and licence where it has them.

    Args:
        source: what `from_preset` takes.
        folder: where the files go; there must be none yet, or an empty one.
        layout: a layout of the family, or a short name of one: "hf" for "huggingface",
            "torchvision" for "timm".
        task: as which task the source is read; its own when None.
        dtype: of the tensors of floats, such as "float16"; as they are stored when None. GGUF files
            hold "float16" (when None, too), "float32" or "q8_0".
        max_shard_bytes: the most bytes of tensors in one file.
        overwrite: whether files of a folder that is not empty may be replaced.
        ignore_keys: keys of the source's config to pass over.
        offline: see `from_preset`.
        progress: see `from_preset`.

    Raises:
        HubError: the family cannot write the layout, or an unknown dtype.
        FileExistsError: the folder is not empty.
        WeightsError: the source's weights do not fit its config.
        SourcesExhaustedError: the source's files cannot be had.
        OSError: the folder cannot be written.
    """
    local = fetch_preset(source, offline=offline, progress=progress)
    form, family = layout_of(local), get_family(local.preset.family)
    layout = writable_layout(family, layout)
    _check_dtype(dtype, family.layouts[layout].write is not None)
    with new_folder(folder, "merge" if overwrite else "refuse") as place:
        if form.fill is not None or form.load is not None:
            model = load_preset(
                local.preset, task=task, backend="numpy", offline=offline, ignore_keys=ignore_keys
            )
            found = Conversion(local.source, layout, tensors=len(model.variables))
            save_to_preset(model, place, layout, max_shard_bytes=max_shard_bytes, dtype=dtype)
        else:
            found = _stream(local, place, layout, task, dtype, max_shard_bytes, ignore_keys)
        found.license = keep_card(local, place, found.layout, offline)
        found.files = files_of(place)
    return found


def _of_another_task(local: LocalPreset, config: Mapping[str, Any]) -> Any:
    """The preprocessor of a bare backbone's files, by the first task that has one; None without."""
    for task in get_family(local.preset.family).tasks:
        build = class_for(local, task, None)
        if hasattr(build, "make_preprocessor"):
            # A backbone may well come without a tokenizer.
            with contextlib.suppress(ValueError):
                return preprocessor_of(build, local, {**config, **head_config(build, local)})
            return None
    return None


def _check_dtype(dtype: str | None, packed: bool) -> None:
    known = ("float64", "float32", "float16", "bfloat16", *(("q8_0",) if packed else ()))
    if dtype is not None and dtype not in known:
        raise ChoiceError(f"weights cannot be written as {dtype!r}: {', '.join(known)}")


def _stream(
    local: LocalPreset,
    folder: Path,
    layout: str,
    task: str | None,
    dtype: str | None,
    max_shard_bytes: int,
    ignore_keys: Iterable[str],
) -> Conversion:
    from ..framework import config as settings

    family = get_family(local.preset.family)
    build: Any = class_for(local, task, None)
    config = model_config(local, ignore_keys)
    config.update(head_config(build, local))
    with settings.use_backend("numpy"), open_weights(local) as reader:
        model = build_without_values(build, local, reader, config, {})
        if hasattr(build, "make_preprocessor"):
            model.preprocessor = preprocessor_of(build, local, config)
        else:
            model.preprocessor = _of_another_task(local, config)
        variables = family.map_paths(model.weights_by_path())
        optional = getattr(build, "optional_parts", ())
        values, report = pending_values(
            reader,
            variables,
            layout_of(local).weight_map(config),
            allow_missing=optional,
        )
        if report.missing:
            raise HubError(
                f"{local.preset.name} lacks {', '.join(report.missing)}: convert it as another "
                f"task (of {', '.join(family.tasks)})"
            )
        save_to_preset(
            model, folder, layout, max_shard_bytes=max_shard_bytes, dtype=dtype, values=values
        )
    return Conversion(local.source, layout, tensors=len(values), dropped=report.dropped)
