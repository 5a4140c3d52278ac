"""Saving and loading of models: which file is written and read how."""

from __future__ import annotations

import json
import logging
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

from ..serialization import serialize_object
from . import archive, orbax
from .addresses import place_of
from .model_config import built_from, initialize_rest
from .part_files import ENDING as SHARDS
from .sharded import read_shards, write_shards
from .torch_folder import is_torch_folder
from .weights import read_weights, write_weights

_log = logging.getLogger("isozoo")
H5 = (".h5", ".hdf5")


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Saves a model: its config, its weights, and the state of its optimizer.

    A file appears whole or not at all: on any failure what was there before is still there.

    Args:
        model: what is saved.
        filepath: "….keras", an archive that Keras reads, too; "….safetensors", one file of
            safetensors with the config in its header; "….shards.json", an index with the config
            beside a folder with a safetensors file for each device that holds a part of the
            weights, which of several processes all write; "….h5", the form of Keras 2; with
            `zipped=False` a folder; "hf://org/name", a repository of the hub, see
            `isozoo.hub.publish`. Also a binary file, for an archive.
        overwrite: whether a file of that name is replaced; else that is an error.
        zipped: False for a folder with the files of an archive.
        **kwargs: `include_optimizer`, whether "….h5" has the optimizer's state.

    Raises:
        ValueError: another ending, or an argument that is not known.
        FileExistsError: there is such a file, and `overwrite` is False.
        OSError: the file cannot be written.
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    path = filepath if hasattr(filepath, "write") else os.fspath(filepath)
    _check_save_format(path, kwargs.pop("save_format", None))
    if kwargs:
        raise ValueError(
            f"The following argument(s) are not supported: {list(kwargs)}. `save_model` takes "
            "overwrite, zipped and include_optimizer."
        )
    if not model.built:
        warnings.warn(
            "You are saving a model that has not yet been built. It might not contain any weights "
            "yet. Consider building the model first by calling it on some data.",
            stacklevel=2,
        )
    if not isinstance(path, str):
        archive.write_archive(model, path)
        return
    if (place := place_of(path)) is not None:
        if zipped:
            raise ValueError(
                "When saving to the Hugging Face Hub, you should not save the model as zipped. "
                f"Received: filepath={path}, zipped={zipped}"
            )
        place.save(model, path)
        return
    _check_overwrite(path, overwrite)
    if zipped is False:
        if path.endswith(".keras"):
            raise ValueError(
                "When using `zipped=False`, the `filepath` argument should not end in `.keras`. "
                f"Received: filepath={path}"
            )
        archive.write_folder(model, path)
    elif path.endswith(".keras"):
        archive.write_archive(model, path)
    elif path.endswith(".safetensors"):
        from .native import write_native

        write_native(model, path)
    elif path.endswith(SHARDS):
        from .native import write_native_parts

        write_native_parts(model, path, with_config=True)
    elif path.endswith(H5):
        from .legacy_h5 import write_legacy_model

        write_legacy_model(model, path, include_optimizer)
    else:
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for the "
            f"native Keras format (recommended), `.safetensors`, `{SHARDS}`, or a `.h5` extension. "
            "Received: "
            f"filepath={path}."
        )


def _check_save_format(path: Any, save_format: Any) -> None:
    if not save_format:
        return
    if isinstance(path, str) and path.endswith((*H5, ".keras")):
        _log.warning("The `save_format` argument is deprecated: the file's ending tells the form.")
        return
    raise ValueError(
        "The `save_format` argument is deprecated in Keras 3. Please remove this argument and pass "
        f"a file path with either `.keras` or `.h5` extension. Received: save_format={save_format}"
    )


def _check_overwrite(path: str, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise FileExistsError(
            f"{path} exists, and `overwrite` is False. Choose another name, or pass "
            "`overwrite=True`."
        )


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool | None = True
) -> Any:
    """Loads a model that `save_model`, or Keras, saved; on the current backend.

    Nothing in a file is run: names of classes and functions are looked up among those that are
    public here, those that were registered, and `custom_objects`.

    Args:
        filepath: the file, or a binary file with an archive; also the index of shards
            ("….shards.json"), of which under a distribution each process reads its parts; or a
            folder of checkpoints that OrbaxCheckpoint wrote, of which the newest is read; or
            "hf://org/name[@revision]", a repository of the hub, fetched into the cache and checked.
        custom_objects: classes and functions by name.
        compile: whether the model is compiled as it was when it was saved.
        safe_mode: taken for the sake of Keras's programs; code is refused whatever it says.

    Returns:
        The model, with its weights.

    Raises:
        ValueError: no such file, another form; FileError for a damaged or hostile one;
            MismatchError where config and weights do not fit.
        TypeError: the config names what is not known here.
    """
    if hasattr(filepath, "read"):
        return archive.read_archive(filepath, custom_objects, compile)
    path = os.fspath(filepath)
    if (place := place_of(path)) is not None:
        return place.load(path, custom_objects, compile)
    if os.path.isdir(path) and os.path.exists(os.path.join(path, archive.CONFIG)):
        return archive.read_folder(path, custom_objects, compile)
    if orbax.is_checkpoint(path):
        return orbax.read_model(path, custom_objects, compile)
    if path.endswith(".keras"):
        if not zipfile.is_zipfile(path):
            raise ValueError(
                f"File not found: filepath={path}. Please ensure the file is an accessible "
                "`.keras` zip file."
            )
        return archive.read_archive(path, custom_objects, compile)
    if path.endswith((".safetensors", SHARDS, *H5)) and not os.path.exists(path):
        raise ValueError(f"File not found: filepath={path}. Please ensure the file is accessible.")
    if path.endswith(".safetensors"):
        from .native import read_native

        return read_native(path, custom_objects, compile)
    if path.endswith(SHARDS):
        from .native import read_native_model_parts

        return read_native_model_parts(path, custom_objects, compile)
    if path.endswith(H5):
        from .legacy_h5 import read_legacy_model

        return read_legacy_model(path, custom_objects, compile)
    raise ValueError(
        f"File format not supported: filepath={path}. Models are read from `.keras`, "
        "`.safetensors` and `.shards.json` files, from `.h5` files of Keras 2, and from folders "
        "that `save_model(zipped=False)` wrote. `isozoo.from_onnx` opens `.onnx` files, "
        "`isozoo.from_preset` folders with a config.json. A SavedModel of TensorFlow and a "
        "`.tflite` file are programs: `python -m tf2onnx.convert` makes ONNX files of them."
    )


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Saves the weights of a model, and the state of its optimizer.

    Args:
        model: a built model.
        filepath: "….weights.h5", the form of Keras 3; "….safetensors", by paths, without the
            optimizer; "….shards.json", an index beside a folder with a safetensors file for each
            device that holds a part of the weights; with `max_shard_size` "….weights.json", and
            files of weights beside it. Of several processes all call it, and for "….shards.json"
            each writes the parts that lie with it.
        overwrite: whether a file of that name is replaced; else that is an error.
        max_shard_size: the most GiB in one file.
        **kwargs: `objects_to_skip`, layers whose weights are left out.

    Raises:
        ValueError: another ending, or a model that is not built.
        FileExistsError: there is such a file, and `overwrite` is False.
        OSError: the file cannot be written.
    """
    path = os.fspath(filepath)
    skipped = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    if max_shard_size is not None and not path.endswith(("weights.h5", "weights.json")):
        raise ValueError(
            "The filename must end in `.weights.json` when `max_shard_size` is specified. "
            f"Received: filepath={path}"
        )
    if max_shard_size is None and not path.endswith((".weights.h5", ".safetensors", SHARDS)):
        raise ValueError(
            f"The filename must end in `.weights.h5`, `.safetensors` or `{SHARDS}`, or with "
            f"`max_shard_size` in `.weights.json`. Received: filepath={path}"
        )
    _check_built(model, "saving a model")
    _check_overwrite(path, overwrite)
    if max_shard_size is not None:
        write_shards(model, path, max_shard_size, skipped)
    elif path.endswith(SHARDS):
        from .native import write_native_parts

        write_native_parts(model, path)
    elif path.endswith(".safetensors"):
        from .native import write_native_weights

        write_native_weights(model, path)
    else:
        write_weights(model, path, skipped)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Loads weights into a model of the same structure: all of them, or none.

    Args:
        model: a built model.
        filepath: "….weights.h5", "….weights.json", "….shards.json" (with the optimizer's state),
            "….keras", "….safetensors", or "….h5" of Keras 2; or a folder of checkpoints of Orbax,
            whose newest is read; or a folder that torch's distributed checkpoint wrote as
            safetensors.
        skip_mismatch: whether what fits is loaded, with a warning about the rest.
        **kwargs: `objects_to_skip`, layers that stay as they are; for "….h5" `by_name`, whether
            layers are found by their names in the place of their order.

    Raises:
        ValueError: another ending, or a model that is not built; FileError for a damaged or hostile
            file; MismatchError, with each weight that is missing, left over or of another shape.
        OSError: there is no such file.
    """
    path = os.fspath(filepath)
    skipped = kwargs.pop("objects_to_skip", None)
    by_name = kwargs.pop("by_name", None)
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    weights_alone = path.endswith((".weights.h5", ".weights.json"))
    is_old = path.endswith(H5) and not weights_alone
    if skipped is not None and not weights_alone:
        raise ValueError(
            f"`objects_to_skip` only supports loading '.weights.h5' files. Received: {path}"
        )
    if by_name is not None and not is_old:
        raise ValueError(
            f"`by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: {path}"
        )
    if orbax.is_checkpoint(path):
        _check_built(model, "loading weights into a model")
        orbax.read_weights(model, path)
        return
    if is_torch_folder(Path(path)):
        from .native import read_native_parts

        _check_built(model, "loading weights into a model")
        read_native_parts(model, path, skip_mismatch)
        return
    if not path.endswith((".keras", ".safetensors", ".weights.json", SHARDS, *H5)):
        raise ValueError(
            f"File format not supported: filepath={path}. Weights are read from `.weights.h5`, "
            "`.weights.json`, `.shards.json`, `.keras`, `.safetensors` and legacy `.h5` files."
        )
    _check_built(model, "loading weights into a model")
    if path.endswith(".weights.json"):
        read_shards(model, path, skip_mismatch, skipped or ())
    elif weights_alone:
        read_weights(model, path, skip_mismatch, skipped or ())
    elif path.endswith(SHARDS):
        from .native import read_native_parts

        read_native_parts(model, path, skip_mismatch)
    elif path.endswith(".keras"):
        archive.read_archive_weights(model, path, skip_mismatch)
    elif is_old:
        from .legacy_h5 import read_legacy_weights

        read_legacy_weights(model, path, skip_mismatch, bool(by_name))
    else:
        from .native import read_native_weights

        read_native_weights(model, path, skip_mismatch)


def _check_built(model: Any, doing: str) -> None:
    if not model.built:
        raise ValueError(
            f"You are {doing} that has not yet been built. Try building the model first by calling "
            "it on some data or by using `build()`."
        )


def model_to_json(model: Any, **kwargs: Any) -> str:
    """Returns the config of a model as JSON text; `kwargs` are those of `json.dumps`."""
    return json.dumps(serialize_object(model), **kwargs)


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Returns a new model of the config in JSON text, with initial weights.

    Args:
        json_string: what `Model.to_json` gave.
        custom_objects: classes and functions that it may name, too.

    Raises:
        ValueError: it is not the config of a model.
        TypeError: it names what is not known here.
    """
    model = built_from(archive.parsed(json_string.encode(), Path("JSON text")), custom_objects)
    initialize_rest(model)
    return model
