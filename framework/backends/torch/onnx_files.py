"""ONNX files made of torch's programs: the opset that they say, and operators of whole layers."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as pytree

from ... import nested
from ..refused import refused
from .exported import quiet
from .recurrent import kernels_kept, stand_in

# The newest opset of which onnxruntime 1.32 has the kernels.
NEWEST = 28
# What torch's converter writes. From 23 on it has attention as one operator, of which runtimes up
# to opset 24 take no mask that is the same for all queries, as a padding mask is.
_WRITTEN = 22
# Operators whose newest form onnxruntime 1.32 does not have, and the opset up to which it has one.
_LAST = {"DequantizeLinear": 27, "QuantizeLinear": 27}


def write_onnx(
    program_of: Any, path: Path, signature: list[Any], opset_version: int | None = None
) -> None:
    """Writes a program as an ONNX file.

    Inputs have the names of the signature; outputs those of a dict, else "output_0", ….

    Args:
        program_of: () -> the `ExportedProgram`.
        path: the file.
        signature: structures of named specifications.
        opset_version: that the file says; None for the newest that onnxruntime runs.

    Raises:
        ValueError: an opset that the installed `onnx` does not know.
        RuntimeError: torch cannot trace or convert the model.
    """
    import onnx

    known = onnx.defs.onnx_opset_version()
    if opset_version is not None and not 18 <= opset_version <= known:
        raise ValueError(
            f"`opset_version` is one of 18 to {known}, which onnx {onnx.__version__} knows; got "
            f"{opset_version!r}."
        )
    with kernels_kept():
        program = program_of()
    results = pytree.tree_unflatten(
        [0] * program.call_spec.out_spec.num_leaves, program.call_spec.out_spec
    )
    try:
        with warnings.catch_warnings(), quiet(), torch.no_grad():
            warnings.simplefilter("ignore")
            made: Any = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=min(opset_version or _WRITTEN, _WRITTEN),
                input_names=[spec.name for spec in nested.leaves(signature)],
                output_names=nested.output_names(results),
                custom_translation_table={stand_in("lstm"): _lstm, stand_in("gru"): _gru},
                verbose=False,
            )
    except Exception as error:
        raise refused(
            "The model cannot be converted to ONNX", error, r"\baten[.:]+([a-z_]\w*)"
        ) from error
    _hold_constants(made.model)
    _say_opset(made.model, opset_version, min(NEWEST, known))
    made.save(str(path), external_data=False)
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        raise RuntimeError(f"The ONNX file would be no valid one: {error}") from error


def _hold_constants(model: Any) -> None:
    """Has a graph hold all constants that its nodes take.

    The converter's optimizer gives two constants one name where it puts together bounds of the same
    tensor twice, and drops the first.
    """
    from onnxscript import ir

    held = model.graph.initializers
    known = {*held, *(value.name for value in model.graph.inputs)}
    nodes = [*ir.traversal.RecursiveGraphIterator(model.graph)]
    known.update(value.name for node in nodes for value in node.outputs)
    taken: list[Any] = [value for node in nodes for value in node.inputs if value is not None]
    for value in taken:
        if value.producer() is not None or value.const_value is None or value.is_initializer():
            continue
        while value.name in known:
            value.name += "_"
        known.add(value.name)
        held[value.name] = value


# Opsets -----------------------------------------------------------------------------------------


def _say_opset(model: Any, wanted: int | None, newest: int) -> None:
    """Has a model say a newer opset, whose operators mean what those that were written mean.

    Raises:
        RuntimeError: the opset that is wanted has another form of an operator.
    """
    from onnxscript import ir

    written = model.opset_imports[""]
    nodes = list(ir.traversal.RecursiveGraphIterator(model.graph))
    for function in model.functions.values():
        nodes += ir.traversal.RecursiveGraphIterator(function)
    ours = sorted({node.op_type for node in nodes if node.domain == ""})
    opset = newest if wanted is None else wanted
    if wanted is None:
        opset = min([opset, *(_LAST.get(name, opset) for name in ours)])
        while opset > written and any(not _is_alike(name, written, opset) for name in ours):
            opset -= 1
    for name in ours:
        if opset > written and not _is_alike(name, written, opset):
            raise RuntimeError(
                f"The model cannot be written in opset {opset}, in which {name} is another "
                f"operator than in {written}. Leave `opset_version` away, or give {written}."
            )
    if opset > written:
        for graph in (model.graph, *model.functions.values()):
            graph.opset_imports[""] = opset
        for node in nodes:
            if node.domain == "":
                node.version = opset


def _is_alike(name: str, old: int, new: int) -> bool:
    """Whether an operator takes in a newer opset all that it took in an older one, and gives it."""
    import onnx

    try:
        before, after = (onnx.defs.get_schema(name, opset, "") for opset in (old, new))
    except onnx.defs.SchemaError:
        return False
    if before.since_version == after.since_version:
        return True

    def places(parameters: Any) -> list[tuple[str, Any]]:
        return [(one.name, one.option) for one in parameters]

    same = places(before.inputs) == places(after.inputs)
    same &= places(before.outputs) == places(after.outputs)
    for key, one in after.attributes.items():
        if key not in before.attributes:
            same &= not one.required
        else:
            same &= one.default_value == before.attributes[key].default_value
    return same and set(before.attributes) <= set(after.attributes) and not after.deprecated


# Recurrent layers -------------------------------------------------------------------------------

# As ONNX has them: steps first, weights (directions, gates * units, …), gates in its own order.


def _lstm(
    x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
):  # fmt: skip
    """Gates i, f, g, o as i, o, f, g."""
    op = _operators()
    units = hx[0].shape[-1]
    weights = [_reordered(op, w, (0, 3, 1, 2), units) for w in params]
    bias = op.Concat(*weights[2:], axis=1) if has_biases else None
    outputs, h, c = op.LSTM(
        op.Transpose(x, perm=(1, 0, 2)), weights[0], weights[1], bias, None, *hx, hidden_size=units
    )
    return _batch_first(op, outputs), h, c


def _gru(
    x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
):  # fmt: skip
    """Gates r, z, g as z, r, g; the reset gate follows the product."""
    op = _operators()
    units = hx.shape[-1]
    weights = [_reordered(op, w, (1, 0, 2), units) for w in params]
    bias = op.Concat(*weights[2:], axis=1) if has_biases else None
    outputs, h = op.GRU(
        op.Transpose(x, perm=(1, 0, 2)),
        *weights[:2],
        bias,
        None,
        hx,
        hidden_size=units,
        linear_before_reset=1,
    )
    return _batch_first(op, outputs), h


def _operators() -> Any:
    from onnxscript import opset22

    return opset22


def _reordered(op: Any, weight: Any, order: tuple[int, ...], units: int) -> Any:
    """A weight (gates * units, …) with its gates in an order, after an axis of one direction."""
    rows = [place * units + row for place in order for row in range(units)]
    taken = op.Gather(weight, op.Constant(value_ints=rows), axis=0)
    return op.Unsqueeze(taken, op.Constant(value_ints=[0]))


def _batch_first(op: Any, outputs: Any) -> Any:
    """(steps, 1, batch, units) as (batch, steps, units)."""
    squeezed = op.Squeeze(outputs, op.Constant(value_ints=[1]))
    return op.Transpose(squeezed, perm=(1, 0, 2))
