"""Programs of torch.export, and ONNX files made of them."""

import inspect
import warnings
from pathlib import Path
from typing import Any

import torch

from ... import nested

ARGUMENTS = set(inspect.signature(torch.export.export).parameters) - {"mod", "args", "kwargs"}


def write_program(model: Any, path: Path, signature: list[Any], **kwargs: Any) -> None:
    """Writes the model's call as a `.pt2` file. RuntimeError where torch cannot trace it."""
    program = _program(model, signature, **kwargs)
    with open(path, "wb") as file:  # torch warns of a path with another ending
        torch.export.save(program, file)  # pyright: ignore[reportArgumentType]


def write_onnx(
    model: Any, path: Path, signature: list[Any], opset_version: int | None = None
) -> None:
    """Writes the model's call as an ONNX file. RuntimeError where torch cannot convert it."""
    program = _program(model, signature)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                program,
                f=str(path),
                dynamo=True,
                opset_version=opset_version,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        raise RuntimeError(f"The model cannot be converted to ONNX: {error}") from error


def _program(model: Any, signature: list[Any], **kwargs: Any) -> Any:
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    # A size of one would be taken for a constant, and two equal sizes for one.
    samples = tuple(nested.map_structure(lambda spec: _sample(spec, device), x) for x in signature)
    given = kwargs.pop("dynamic_shapes", None)
    if given is None:
        given = tuple(nested.map_structure(_free_sizes, x) for x in signature)
    elif isinstance(given, dict) and all(isinstance(key, int) for key in given):
        given = (given,)
    kwargs.setdefault("strict", False)
    trained = model.training
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not properly registered as a submodule.*")
            model.eval()
            return torch.export.export(model, samples, dynamic_shapes=given, **kwargs)
    except Exception as error:
        raise RuntimeError(
            "Failed to export model to PyTorch format. Common causes: unsupported operations, "
            "data-dependent control flow, or shape constraints not satisfied. Original error: "
            f"{error}"
        ) from error
    finally:
        model.train(trained)


def _sample(spec: Any, device: torch.device) -> torch.Tensor:
    sizes = [2 + axis if size is None else size for axis, size in enumerate(spec.shape)]
    return torch.ones(sizes, dtype=getattr(torch, spec.dtype), device=device)


def _free_sizes(spec: Any) -> dict[int, Any]:
    return {axis: torch.export.Dim.AUTO for axis, size in enumerate(spec.shape) if size is None}
