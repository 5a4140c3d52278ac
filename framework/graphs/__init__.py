"""Foreign graphs as models: ONNX files and PyTorch modules, as data, on every backend."""

from .errors import GraphError as GraphError
from .errors import UnknownOperatorError as UnknownOperatorError
from .imported import ImportedModel as ImportedModel
from .ir import ForeignGraph as ForeignGraph
from .loading import from_onnx as from_onnx
from .loading import from_torch as from_torch
