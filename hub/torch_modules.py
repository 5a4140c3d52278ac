"""PyTorch modules as models that presets are loaded as, and nets of timm converted."""

from __future__ import annotations

import os
from typing import Any

from ..framework import config, ops
from ..framework.folders import files_of, new_folder
from ..framework.graphs import from_torch as framework_from_torch
from .converted_cards import write_short_card
from .converting import Conversion
from .errors import HubError
from .graph_inputs import image_classifier
from .graphs import GraphModel


def from_torch(
    module: Any,
    args: Any,
    kwargs: Any = None,
    dynamic_shapes: Any = None,
    backend: str | None = None,
    *,
    name: str | None = None,
) -> GraphModel:
    """Returns the model that a `torch.nn.Module` describes, with its weights.

    The module is read by `torch.export` as it infers, and left as it was. The model is called with
    one tensor, with several in the order of the module's, or with a dict by their names. Its
    weights are variables under the module's own names. Batch normalizations follow the batches
    where the model trains, and `torch.nn.Dropout` drops units; what a module does otherwise in
    training (stochastic depth, dropout inside attention) is not read.

    Args:
        module: a `torch.nn.Module`.
        args: positional arguments of a call, tensors of the sizes that it shall take; a lone tensor
            stands for itself.
        kwargs: arguments by name.
        dynamic_shapes: which sizes stay free, as `torch.export.export` takes it; the first axis of
            each tensor when None, where the module allows it.
        backend: where the model shall live; the current backend when None.
        name: of the model; made from its class's name when None.

    Raises:
        GraphError: torch cannot export it; UnknownOperatorError where it has operators without a
            rule. Both are ValueErrors.
        TypeError: it is no module.
        ImportError: PyTorch is not installed.
    """
    return framework_from_torch(
        module, args, kwargs, dynamic_shapes, backend, name=name, cls=GraphModel
    )


def convert_timm(
    name: str,
    folder: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    max_shard_bytes: int = 5_000_000_000,
    overwrite: bool = False,
) -> Conversion:
    """Writes the folder of a net of timm with its trained weights; it opens without timm.

    Its input is as timm's own: images (batch, 3, height, width) of the size that the weights were
    trained for, normalized by timm's mean and deviation for them. The folder of a classifier is
    that of an image classifier: pictures are prepared by timm's data config, classes have names,
    and `isozoo finetune` gives it a new head. Any other net is a graph alone.

    Args:
        name: what `timm.create_model` takes: a net's name with or without a tag, or
            "local-dir:FOLDER" for a folder that timm has written.
        folder: where the files go; there must be none yet, or an empty one.
        dtype: of the tensors of floats; as they are stored when None.
        max_shard_bytes: the most bytes of tensors in one file.
        overwrite: whether files of a folder that is not empty may be replaced.

    Raises:
        HubError: timm has no such net, or cannot get its weights.
        GraphError: see `from_torch`.
        FileExistsError: the folder is not empty.
        ImportError: timm is not installed.
    """
    try:
        import timm  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            f"Converting timm:{name} needs the package timm. Install it with: "
            "pip install 'isozoo[timm]'"
        ) from error
    try:
        net = timm.create_model(name, pretrained=True)
    except Exception as error:  # it has many kinds, of its own and of the hub's
        text = str(error).strip().split("\n", 1)[0]
        raise HubError(
            f"timm gives no net {name!r} with weights: {type(error).__name__}: {text}"
        ) from error
    about, known = timm.data.resolve_model_data_config(net), net.pretrained_cfg or {}
    with config.use_backend("torch"):
        images = ops.zeros((2, *about["input_size"]))
    model = image_classifier(
        from_torch(net, images, backend="numpy"),
        {
            "num_classes": net.num_classes,
            "pretrained_cfg": {**about},
            **({"label_names": list(known["label_names"])} if known.get("label_names") else {}),
        },
    )
    with new_folder(folder, "merge" if overwrite else "refuse") as place:
        model.save_to_preset(place, max_shard_bytes=max_shard_bytes, dtype=dtype)
        licence = str(known.get("license") or "")
        if licence:
            base = str(known.get("hf_hub_id") or "")
            title = str(known.get("architecture") or name)
            write_short_card(place, title, licence, "Converted from timm.", base)
        found = Conversion(
            f"timm:{name}", "isozoo", tensors=len(model.graph.weights), license=licence
        )
        found.files = files_of(place)
    return found
