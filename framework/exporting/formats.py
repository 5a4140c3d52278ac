"""One call for each format that a model is exported to."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import nested
from ..backends import registry
from ..backends.refused import OperatorError
from ..config import is_interactive_logging_enabled
from ..files import atomic_path
from ..folders import new_folder
from .archive import ExportArchive
from .refusals import layer_at, told_as, whole_tracebacks
from .signatures import input_signature as signature_of
from .signatures import named, spec_of


def export_model(
    model: Any,
    filepath: str | os.PathLike[str],
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> str:
    """Writes a model for programs that run it without this package.

    A model on any backend can be written in any format: it is copied to the backend that the
    format belongs to. The file or folder appears whole or not at all.

    Args:
        model: a built model.
        filepath: where it goes: a folder for a SavedModel, else a file.
        format: "tf_saved_model"; "litert" (`.tflite`); "torch" (torch.export's `.pt2`); "onnx"
            (`.onnx`); "openvino" (`.xml`, beside it `.bin`); "stablehlo" (jax.export's bytes).
        verbose: whether the path is printed; as `config.enable_interactive_logging` says if None.
        input_signature: a list with the specification of each positional input: structures of
            InputSpec, KerasTensor, tensor or tf.TensorSpec. None asks `signatures.input_signature`.
        **kwargs: of the format: those of `torch.export.export` for "torch"; `opset_version` for
            "onnx"; for "litert" attributes of TensorFlow's converter, such as `optimizations`, or
            `quantize`: "weights" stores them as int8 and computes in float32, "int8" computes in
            int8 by ranges that are seen with `representative_dataset`, an iterable of batches as
            the model takes them, some hundred rows of what it will be used for.

    Returns:
        The path.

    Raises:
        ValueError: an unknown format, a wrong ending of the path, arguments that the format does
            not have, or a model that was neither built nor called.
        RuntimeError: the framework cannot trace or convert the model; it says why.
        ImportError: the format needs a package that is not installed.
    """
    backend = backend_of(format)
    _, ending, write = FORMATS[format]
    path = os.fspath(filepath)
    if ending and not path.endswith(ending):
        raise ValueError(
            f"The export as {format!r} requires the filepath to end with '{ending}'. Got: {path}"
        )
    signature = signature_of(model) if input_signature is None else input_signature
    if not isinstance(signature, list | tuple):
        signature = [signature]
    signature = named([nested.map_structure(spec_of, one) for one in signature], model.call)
    native = model if model.backend == backend else model.to_backend(backend)
    try:
        with whole_tracebacks():
            write(native, Path(path), signature, kwargs)
    except (RuntimeError, TypeError) as error:
        where = layer_at(error, native)
        if where is None and isinstance(error, OperatorError):
            exporter = registry.get(backend).exporter()
            where = told_as(exporter.layer_with(native, signature, error.operators), native)
        if where is None:
            raise
        raise RuntimeError(f"The export as {format!r} failed in {where}: {error}") from error
    if verbose or (verbose is None and is_interactive_logging_enabled()):
        print(f"Saved {format} artifact at '{path}'.")
    return path


def backend_of(format: str) -> str:
    """Returns the backend on which a format is written. ValueError for an unknown format."""
    if format not in FORMATS:
        raise ValueError(f"Unrecognized format={format}. Supported formats are: {list(FORMATS)}.")
    return FORMATS[format][0]


def _saved_model(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    # What JAX's own bridge would take; here the model itself is on TensorFlow.
    unknown = kwargs.keys() - {"is_static", "jax2tf_kwargs"}
    _refuse(unknown, "tf_saved_model", ())
    archive = ExportArchive()
    archive.track_and_add_endpoint("serve", model, signature)
    archive.write_out(path, verbose=False)


def _torch(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    exporter = registry.get("torch").exporter()
    _refuse(kwargs.keys() - exporter.ARGUMENTS, "torch", exporter.ARGUMENTS)
    with atomic_path(path) as temporary:
        exporter.write_program(model, temporary, signature, **kwargs)


def _onnx(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    _needs("onnx", "onnxscript", extra="onnx")
    _refuse(kwargs.keys() - {"opset_version"}, "onnx", ("opset_version",))
    with atomic_path(path) as temporary:
        registry.get("torch").exporter().write_onnx(model, temporary, signature, **kwargs)


def _aoti(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    known = ("inductor_configs",)
    _refuse(kwargs.keys() - set(known), "aoti", known)
    with tempfile.TemporaryDirectory() as folder, atomic_path(path) as temporary:
        made = Path(folder, "model.pt2")  # torch takes no other ending
        registry.get("torch").exporter().write_package(model, made, signature, **kwargs)
        temporary.write_bytes(made.read_bytes())


def _litert(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, atomic_path(path) as temporary:
        _saved_model(model, Path(folder, "model"), signature, {})
        exporter = registry.get("tensorflow").exporter()
        samples = kwargs.get("representative_dataset")
        if samples is not None and not callable(samples):
            names = [spec.name for spec in nested.leaves(signature)]
            kwargs = {**kwargs, "representative_dataset": _by_name(samples, names)}
        place = os.path.join(folder, "model")
        content = None
        try:
            content = exporter.lite(place, kwargs)
        except OperatorError as error:
            if not any(name.startswith("TensorList") for name in error.operators):
                raise
        if content is None:
            with exporter.without_lists():  # which recurrent layers write their outputs to
                _saved_model(model, Path(place), signature, {})
            content = exporter.lite(place, kwargs)
        temporary.write_bytes(content)


def _tfjs(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    _refuse(kwargs.keys(), "tfjs", ())
    with tempfile.TemporaryDirectory() as folder, new_folder(path, "replace") as place:
        _saved_model(model, Path(folder, "model"), signature, {})
        registry.get("tensorflow").exporter().write_web(os.path.join(folder, "model"), place)


def _by_name(samples: Any, names: list[str]) -> list[dict[str, Any]]:
    """Batches of inputs, in any structure that the model takes, as dicts by the inputs' names."""
    found = []
    for number, sample in enumerate(samples):
        if isinstance(sample, dict) and set(sample) >= set(names):
            parts = [sample[name] for name in names]
        else:
            parts = nested.flatten(sample)
        if len(parts) != len(names):
            raise ValueError(
                f"Batch {number} of `representative_dataset` has {len(parts)} tensors, and the "
                f"model takes {len(names)}: {', '.join(names)}."
            )
        found.append(dict(zip(names, parts, strict=True)))
    return found


def _openvino(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    _needs("openvino", extra="openvino")
    _refuse(kwargs.keys(), "openvino", ())
    with tempfile.TemporaryDirectory() as folder, new_folder(path.parent, "merge") as place:
        _saved_model(model, Path(folder, "model"), signature, {})
        exporter = registry.get("tensorflow").exporter()
        exporter.write_openvino(os.path.join(folder, "model"), os.path.join(place, path.name))


def _stablehlo(model: Any, path: Path, signature: list, kwargs: dict[str, Any]) -> None:
    _refuse(kwargs.keys(), "stablehlo", ())
    content = registry.get("jax").exporter().program(model, signature)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


Writer = Callable[[Any, Path, list, dict[str, Any]], None]
# Format -> (backend on which the model is written, ending of the path, writer).
FORMATS: dict[str, tuple[str, str, Writer]] = {
    "tf_saved_model": ("tensorflow", "", _saved_model),
    "onnx": ("torch", "", _onnx),
    "openvino": ("tensorflow", ".xml", _openvino),
    "litert": ("tensorflow", ".tflite", _litert),
    "torch": ("torch", ".pt2", _torch),
    "aoti": ("torch", ".pt2", _aoti),
    "tfjs": ("tensorflow", "", _tfjs),
    "stablehlo": ("jax", "", _stablehlo),
}


def _refuse(unknown: Any, format: str, known: Any) -> None:
    if unknown:
        raise ValueError(
            f'Unsupported arguments for `format="{format}"`: {", ".join(sorted(unknown))}. '
            f"Supported arguments are: {', '.join(sorted(known)) or 'none'}."
        )


def _needs(*packages: str, extra: str) -> None:
    import importlib.util

    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"this export needs {' and '.join(missing)}: pip install 'isozoo[{extra}]'",
            name=missing[0],
        )
