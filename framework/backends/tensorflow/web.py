"""Graph models of TensorFlow.js: a `model.json` with the graph, and its numbers in shards.

Definition: `GraphExecutor`, `io.decodeWeights` and the operators' tables of tfjs-converter 4.22,
which say what the program in the browser reads. The graph is that of a SavedModel's function, with
the variables as constants and what is constant computed.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.grappler import tf_optimizer
from tensorflow.python.training.saver import export_meta_graph

from ..refused import OperatorError

SHARD = 4 * 2**20
# What the program computes, of the operators that a traced model may have.
OPERATORS = frozenset(
    "Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool "
    "AvgPool3D BatchMatMul BatchMatMulV2 BatchToSpaceND BiasAdd Bincount BitwiseAnd BroadcastArgs "
    "BroadcastTo Cast Ceil ClipByValue Complex ComplexAbs Concat ConcatV2 Const Conv2D "
    "Conv2DBackpropInput Conv3D Cos Cosh CropAndResize Cumprod Cumsum DenseBincount DepthToSpace "
    "DepthwiseConv2dNative Dilation2D Div DivNoNan Einsum Elu EmptyTensorList EnsureShape Enter "
    "Equal Erf EuclideanNorm Exit Exp ExpandDims Expm1 FFT Fill Floor FloorDiv FloorMod "
    "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater "
    "GreaterEqual IFFT IRFFT Identity IdentityN If Imag ImageProjectiveTransformV3 IsFinite IsInf "
    "IsNan LRN LeakyRelu Less LessEqual LinSpace ListDiff Log Log1p LogSoftmax LogicalAnd "
    "LogicalNot LogicalOr LoopCond LowerBound MatMul MatrixBandPart Max MaxPool MaxPool3D "
    "MaxPoolWithArgmax Maximum Mean Merge Min Minimum MirrorPad Mod Mul Neg NextIteration NoOp "
    "NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NotEqual "
    "OneHot OnesLike Pack Pad PadV2 Placeholder PlaceholderWithDefault Pow Prelu Prod RFFT Range "
    "Rank Real RealDiv Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor Reverse "
    "ReverseV2 Round Rsqrt ScatterNd Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size "
    "Slice Snapshot Softmax Softplus SpaceToBatchND Split SplitV Sqrt Square SquaredDifference "
    "Squeeze StatelessIf StatelessWhile StopGradient StridedSlice Sub Sum Switch Tan Tanh "
    "TensorListConcat TensorListConcatV2 TensorListFromTensor TensorListGather TensorListGetItem "
    "TensorListLength TensorListPopBack TensorListPushBack TensorListReserve TensorListResize "
    "TensorListScatter TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack "
    "TensorScatterUpdate Tile TopKV2 Transpose Unique UniqueV2 Unpack UpperBound Where While "
    "ZerosLike".split()
)
_PASSES = "function pruning constfold arithmetic dependency pruning constfold dependency".split()
# Dtype of a constant -> the one in which the program keeps it.
_KEPT = {"float32": "float32", "float64": "float32", "bool": "bool", "complex64": "complex64"}
_KEPT |= dict.fromkeys(("int8", "uint8", "int16", "uint16", "int32", "int64"), "int32")


def write(folder: str, place: Path) -> None:
    """Writes the default function of a SavedModel as a graph model.

    Args:
        folder: the SavedModel.
        place: the folder that takes `model.json` and the shards.

    Raises:
        RuntimeError: the program lacks an operator of the graph, or the dtype of a number.
    """
    loaded = tf.saved_model.load(folder)  # which holds the variables while they are read
    function = loaded.signatures["serving_default"]
    try:
        frozen = convert_variables_to_constants_v2(function, aggressive_inlining=True)
        signature = _signature(function, frozen)
        graph = _optimized(frozen.graph, signature)
        _spell_out(graph)
    except (tf.errors.OpError, ValueError) as error:
        raise RuntimeError(f"The model cannot be converted to TensorFlow.js: {error}") from error
    missing = sorted({node.op for node in _nodes(graph)} - OPERATORS)
    if missing:
        where = next(node.name for node in _nodes(graph) if node.op == missing[0])
        raise OperatorError(
            f"TensorFlow.js has no operator {', '.join(missing)}; the first is the node {where}.",
            missing,
        )
    weights = _taken(graph)
    content = {
        "format": "graph-model",
        "generatedBy": tf.__version__,
        "convertedBy": "isozoo",
        "signature": MessageToDict(signature),
        "modelTopology": MessageToDict(graph),
        "weightsManifest": [_manifest(weights, place)],
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    (place / "model.json").write_text(text, "utf-8")


def _nodes(graph: Any) -> list[Any]:
    """The nodes of a graph and of its functions."""
    return [*graph.node, *(node for one in graph.library.function for node in one.node_def)]


def _signature(function: Any, frozen: Any) -> Any:
    """Names of inputs and outputs -> tensors of the frozen graph."""
    _, named = function.structured_input_signature
    specs = {spec.name: key for key, spec in named.items()}
    inputs = {specs.get(x.op.name, x.op.name): x for x in frozen.inputs}
    outputs = dict(zip(sorted(function.structured_outputs), frozen.outputs, strict=True))

    made = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
    for told, tensors in ((made.inputs, inputs), (made.outputs, outputs)):
        for name, x in tensors.items():
            told[name].name, told[name].dtype = x.name, x.dtype.as_datatype_enum
            told[name].tensor_shape.CopyFrom(x.shape.as_proto())
    return made


def _optimized(graph: Any, signature: Any) -> Any:
    """The graph without what is constant, unused or said twice."""
    for output in signature.outputs.values():
        # Grappler keeps what leads here.
        graph.add_to_collection("train_op", graph.get_operation_by_name(output.name.split(":")[0]))
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.optimizers[:] = _PASSES
    meta = export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
    meta.signature_def["serving_default"].CopyFrom(signature)
    return tf_optimizer.OptimizeGraph(config, meta)


def _spell_out(graph: Any) -> None:
    """Writes operators that the program lacks by those that it has."""
    for node in list(graph.node):
        if node.op == "Erfc":
            erf, one = graph.node.add(), graph.node.add()
            erf.CopyFrom(node)
            erf.op, erf.name = "Erf", f"{node.name}/erf"
            kind = node.attr["T"].type
            one.op, one.name = "Const", f"{node.name}/one"
            one.attr["dtype"].type = kind
            numbers = tf.make_tensor_proto(1.0, tf.as_dtype(kind), ())
            one.attr["value"].tensor.CopyFrom(numbers)
            node.op = "Sub"
            node.input[:] = [one.name, erf.name]


def _taken(graph: Any) -> dict[str, np.ndarray]:
    """Takes the numbers of all constants out of a graph: name -> array."""
    found = {}
    for node in _nodes(graph):
        if node.op != "Const":
            continue
        tensor = node.attr["value"].tensor
        array = tf.make_ndarray(tensor)
        kept = _KEPT.get(array.dtype.name)
        if kept is None:
            raise RuntimeError(
                f"TensorFlow.js has no dtype {array.dtype.name}, which {node.name} has: export a "
                "model with float32 weights."
            )
        if array.size and array.dtype.kind in "iu":
            # Ends of ranges may stand for "no end".
            least = np.iinfo(np.int32)
            array = np.clip(array, least.min, least.max)
        found[node.name] = array.astype(kept)
        shape, dtype = tensor.tensor_shape, tensor.dtype
        node.attr["value"].tensor.CopyFrom(type(tensor)(tensor_shape=shape, dtype=dtype))
    return found


def _manifest(weights: dict[str, np.ndarray], place: Path) -> dict[str, Any]:
    """Writes all numbers, one behind the other, into shards; returns what tells of them."""
    content = b"".join(x.tobytes() for x in weights.values())
    count = -(-len(content) // SHARD)
    names = [f"group1-shard{number + 1}of{count}.bin" for number in range(count)]
    for number, name in enumerate(names):
        (place / name).write_bytes(content[number * SHARD : (number + 1) * SHARD])
    told = [
        {"name": name, "shape": list(x.shape), "dtype": x.dtype.name} for name, x in weights.items()
    ]
    return {"paths": names, "weights": told}
