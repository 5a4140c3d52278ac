"""Files and folders that are there but are no preset: what each is, and what opens it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .errors import UnknownPresetError

_KERAS = (
    "a file of Keras's",
    "`isozoo.from_preset('PATH')` opens a whole model; weights alone go into a model of the same "
    "architecture: `model.load_weights('PATH')`, or `weights='PATH'` in `isozoo.applications`",
)
_ONNX = (
    "an ONNX file",
    "`isozoo.from_onnx('PATH')` opens it, `isozoo run FOLDER --file NAME`, too",
)
_CONVERT = (
    "Convert it, and open that by `isozoo.from_onnx`: `python -m tf2onnx.convert {option} PATH "
    "--output model.onnx`"
)
_SCRIPT = (
    "TorchScript, which holds a program beside its weights",
    "Where PyTorch may run it, save its weights alone: "
    "`torch.save(torch.jit.load('PATH').state_dict(), 'weights.pth')`",
)
# Ending -> what the file is, and the way out.
_BY_ENDING = {
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".onnx": _ONNX,
    ".tflite": ("a program of TensorFlow Lite", _CONVERT.format(option="--tflite")),
    ".jit": _SCRIPT,
    ".torchscript": _SCRIPT,
}
_SAVED_MODEL = ("a SavedModel, a program of TensorFlow", _CONVERT.format(option="--saved-model"))
_TFJS = ("a model of TensorFlow.js", _CONVERT.format(option="--tfjs"))


def refuse_file(path: Path, endings: Sequence[str], any_ending: bool) -> None:
    """Raises UnknownPresetError for a file that does not open as a preset.

    Args:
        path: of a file.
        endings: those of the files that do.
        any_ending: False for a name that may be a preset's, too: then the file is refused only
            where its ending tells what it is.
    """
    from .readers.tfjs import is_manifest

    told = _BY_ENDING.get(path.suffix.lower())
    if told is None and path.suffix.lower() == ".json" and is_manifest(path):
        told = _TFJS
    if told is None:
        if not any_ending:
            return
        hint = (
            f"A file of weights is known by its ending, one of {', '.join(endings)}; of others the "
            "folder is given, which holds a config.json beside them"
        )
        raise UnknownPresetError(str(path), (), hint, f"{path} is no file that opens as a preset")
    raise _refusal(path, *told)


def refuse_folder(folder: Path) -> None:
    """Raises UnknownPresetError for a folder that holds a model in a form that is no preset."""
    from .readers.tfjs import is_manifest

    if (folder / "saved_model.pb").is_file():
        raise _refusal(folder, *_SAVED_MODEL)
    if is_manifest(folder / "model.json"):
        raise _refusal(folder / "model.json", *_TFJS)
    for ending, told in _BY_ENDING.items():
        found = sorted(path for path in folder.glob(f"*{ending}") if path.is_file())
        if found:
            raise _refusal(found[0], *told)


def _refusal(path: Path, what: str, way: str) -> UnknownPresetError:
    hint = way.replace("PATH", str(path)).replace("FOLDER", str(path.parent))
    problem = f"{path} is {what}, which is no preset"
    return UnknownPresetError(str(path), (), hint.replace("NAME", path.name), problem)
