"""Programs of torch.export, and what is made of them."""

import inspect
import warnings
from pathlib import Path
from typing import Any

import torch

from ... import nested
from ..refused import first_layer
from .recurrent import kernels_kept, put_in_kernels

ARGUMENTS = set(inspect.signature(torch.export.export).parameters) - {"mod", "args", "kwargs"}


def write_program(model: Any, path: Path, signature: list[Any], **kwargs: Any) -> None:
    """Writes the model's call as a `.pt2` file. RuntimeError where torch cannot trace it."""
    with kernels_kept():
        program = _program(model, signature, **kwargs)
    put_in_kernels(program.graph_module)
    # torch warns of a path with another ending, and of kernels that lie in another order.
    with open(path, "wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, file)  # pyright: ignore[reportArgumentType]


def write_package(
    model: Any,
    path: Path,
    signature: list[Any],
    inductor_configs: dict[str, Any] | None = None,
) -> None:
    """Writes the model's call as compiled code, which `torch._inductor.aoti_load_package` loads.

    It runs on processors of this machine's kind alone, under the torch that made it.

    Raises:
        RuntimeError: torch cannot trace or compile the model.
    """
    program = _program(model, signature)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(path), inductor_configs=inductor_configs
            )
    except Exception as error:  # compilers have many kinds for what they cannot
        advice = ""
        if any(node.target is torch.ops.higher_order.scan for node in program.graph.nodes):
            advice = (
                ". It has a loop over a size that is open, of which AOTInductor takes few: give "
                'the size in `input_signature`, or take the format "torch"'
            )
        raise RuntimeError(
            f"The model cannot be compiled by AOTInductor{advice}. It says: {error}"
        ) from error


def write_onnx(
    model: Any, path: Path, signature: list[Any], opset_version: int | None = None
) -> None:
    """Writes the model's call as an ONNX file; see `onnx_files.write_onnx`."""
    from . import onnx_files

    onnx_files.write_onnx(lambda: _program(model, signature), path, signature, opset_version)


def layer_with(model: Any, signature: list[Any], operators: Any) -> Any:
    """Returns the layer of a model whose call gives the first of some operators; None if none."""
    from torch.fx.experimental.proxy_tensor import get_proxy_mode

    def holds() -> bool:
        mode: Any = get_proxy_mode()
        graph = () if mode is None else mode.tracer.graph.nodes
        names = (str(getattr(node.target, "_schema", node.target)) for node in graph)
        return any(
            name.partition("(")[0].split("::")[-1].split(".")[0] in operators for name in names
        )

    return first_layer(lambda: _program(model, signature), holds)


def _program(model: Any, signature: list[Any], **kwargs: Any) -> Any:
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    # A size of one would be taken for a constant, and two equal sizes for one.
    samples = tuple(nested.map_structure(lambda spec: _sample(spec, device), x) for x in signature)
    given = kwargs.pop("dynamic_shapes", None)
    automatic = given is None
    if automatic:
        given = tuple(nested.map_structure(_free_sizes, x) for x in signature)
    elif isinstance(given, dict) and all(isinstance(key, int) for key in given):
        given = (given,)
    kwargs.setdefault("strict", False)
    trained = model.training
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what torch does inside
            model.eval()
            program = torch.export.export(model, samples, dynamic_shapes=given, **kwargs)
    except Exception as error:
        raise RuntimeError(
            "Failed to export model to PyTorch format. Common causes: unsupported operations, "
            "data-dependent control flow, or shape constraints not satisfied. Original error: "
            f"{error}"
        ) from error
    finally:
        model.train(trained)
    if automatic:
        _check_free(program, nested.leaves(signature))
    return program


def _check_free(program: Any, specs: Any) -> None:
    """Refuses a program that is for one size where the signature has none."""
    names = program.graph_signature.user_inputs
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    for name, spec in zip(names, specs, strict=False):
        value = nodes[name].meta.get("val") if name in nodes else None
        if not isinstance(value, torch.Tensor):
            continue
        for axis, (size, wanted) in enumerate(zip(value.shape, spec.shape, strict=False)):
            # A symbol for which torch has found a number counts, too.
            if wanted is None and str(size).isdigit():
                raise RuntimeError(
                    f"The size of axis {axis} of the input {spec.name!r}, {tuple(spec.shape)}, "
                    "cannot stay open: torch's program would take one size alone. The model loops "
                    "over that axis in Python, or asks for its size; `ops.scan` keeps it open. "
                    "Give the size in `input_signature`, or take a format that may keep it: "
                    "tf_saved_model, litert, tfjs, openvino, stablehlo."
                )


def _sample(spec: Any, device: torch.device) -> torch.Tensor:
    # Of pictures so small that nothing is left of their maps, programs would be for those alone.
    least, step = (96, 32) if len(spec.shape) == 4 else (2, 1)
    sizes = [
        (least + step * axis if axis else 2) if size is None else size
        for axis, size in enumerate(spec.shape)
    ]
    return torch.ones(sizes, dtype=getattr(torch, spec.dtype), device=device)


def _free_sizes(spec: Any) -> dict[int, Any]:
    return {axis: torch.export.Dim.AUTO for axis, size in enumerate(spec.shape) if size is None}
