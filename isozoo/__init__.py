"""isozoo: one model, every framework, the same numbers.

    import isozoo

    embedder = isozoo.from_preset("all_minilm_l6_v2")
    embedder.embed(["A sentence.", "Another one."])

Nothing heavy is imported until it is used, and of the frameworks only the backend in use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .hub.discovery import on_first_use

__version__ = "0.1.0"

# public name -> (module below this package, attribute; None for the module itself)
_NAMES: dict[str, tuple[str, str | None]] = {
    "activations": (".activations", None),
    "applications": (".applications", None),
    "backend": (".backend", None),
    "callbacks": (".callbacks", None),
    "config": (".config", None),
    "constraints": (".constraints", None),
    "cv": (".cv", None),
    "datasets": (".datasets", None),
    "distillation": (".distillation", None),
    "distribution": (".distribution", None),
    "export": (".export", None),
    "dtype_policies": (".dtype_policies", None),
    "hub": (".hub", None),
    "initializers": (".initializers", None),
    "layers": (".layers", None),
    "lora": (".framework.lora", None),
    "losses": (".losses", None),
    "metrics": (".metrics", None),
    "mixed_precision": (".mixed_precision", None),
    "models": (".models", None),
    "nlp": (".nlp", None),
    "ops": (".ops", None),
    "optimizers": (".optimizers", None),
    "preprocessing": (".preprocessing", None),
    "quantizers": (".quantizers", None),
    "random": (".random", None),
    "regularizers": (".regularizers", None),
    "saving": (".saving", None),
    "tree": (".tree", None),
    "utils": (".utils", None),
    "visualization": (".visualization", None),
    "wrappers": (".wrappers", None),
    "DTypePolicy": (".framework.dtype_policies", "DTypePolicy"),
    "FloatDTypePolicy": (".framework.dtype_policies", "FloatDTypePolicy"),
    "Function": (".framework.core.function", "Function"),
    "Input": (".framework.core.symbolic", "Input"),
    "Initializer": (".framework.initializers", "Initializer"),
    "InputSpec": (".framework.core.input_spec", "InputSpec"),
    "GraphModel": (".hub.graphs", "GraphModel"),
    "KerasTensor": (".framework.core.symbolic", "KerasTensor"),
    "Layer": (".framework.core.layer", "Layer"),
    "Loss": (".framework.losses", "Loss"),
    "Metric": (".framework.metrics", "Metric"),
    "Model": (".framework.models", "Model"),
    "Operation": (".framework.core.operation", "Operation"),
    "Optimizer": (".framework.optimizers", "Optimizer"),
    "Quantizer": (".framework.quantizers", "Quantizer"),
    "RematScope": (".framework.core.remat", "RematScope"),
    "Regularizer": (".framework.regularizers", "Regularizer"),
    "Sequential": (".framework.models", "Sequential"),
    "StatelessScope": (".framework.core.scopes", "StatelessScope"),
    "SymbolicScope": (".framework.core.scopes", "SymbolicScope"),
    "Variable": (".framework.core.variable", "Variable"),
    "device": (".framework.core.devices", "device"),
    "from_onnx": (".hub.graphs", "from_onnx"),
    "from_preset": (".catalog", "from_preset"),
    "from_torch": (".hub.torch_modules", "from_torch"),
    "list_presets": (".catalog", "list_presets"),
    "remat": (".framework.core.remat", "remat"),
    "name_scope": (".framework.core.scopes", "name_scope"),
    "use_backend": (".framework.config", "use_backend"),
    "verify": (".hub.parity", "verify"),
    "fastest_backend": (".hub.benchmark", "fastest_backend"),
}

if TYPE_CHECKING:
    from . import backend as backend
    from . import config as config
    from .framework import activations as activations
    from .framework import constraints as constraints
    from .framework import distillation as distillation
    from .framework import distribution as distribution
    from .framework import dtype_policies as dtype_policies
    from .framework import initializers as initializers
    from .framework import layers as layers
    from .framework import lora as lora
    from .framework import losses as losses
    from .framework import metrics as metrics
    from .framework import mixed_precision as mixed_precision
    from .framework import models as models
    from .framework import ops as ops
    from .framework import optimizers as optimizers
    from .framework import preprocessing as preprocessing
    from .framework import quantizers as quantizers
    from .framework import random as random
    from .framework import regularizers as regularizers
    from .framework import saving as saving
    from .framework import tree as tree
    from .framework import utils as utils
    from .framework.config import use_backend as use_backend
    from .framework.core.devices import device as device
    from .framework.core.function import Function as Function
    from .framework.core.input_spec import InputSpec as InputSpec
    from .framework.core.keras_tensor import KerasTensor as KerasTensor
    from .framework.core.layer import Layer as Layer
    from .framework.core.operation import Operation as Operation
    from .framework.core.remat import RematScope as RematScope
    from .framework.core.remat import remat as remat
    from .framework.core.scopes import StatelessScope as StatelessScope
    from .framework.core.scopes import SymbolicScope as SymbolicScope
    from .framework.core.scopes import name_scope as name_scope
    from .framework.core.symbolic import Input as Input
    from .framework.core.variable import Variable as Variable
    from .framework.dtype_policies import DTypePolicy as DTypePolicy
    from .framework.dtype_policies import FloatDTypePolicy as FloatDTypePolicy
    from .framework.initializers import Initializer as Initializer
    from .framework.losses import Loss as Loss
    from .framework.metrics import Metric as Metric
    from .framework.models import Model as Model
    from .framework.models import Sequential as Sequential
    from .framework.optimizers import Optimizer as Optimizer
    from .framework.quantizers import Quantizer as Quantizer
    from .framework.regularizers import Regularizer as Regularizer
    from .framework.training import callbacks as callbacks


def version() -> str:
    """Returns the version of the package."""
    return __version__


def _announce_catalogue() -> None:
    from .catalog import register_families

    register_families()


on_first_use(_announce_catalogue)


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'isozoo' has no attribute {name!r}")
    path, attribute = _NAMES[name]
    module = import_module(path, __name__)
    found = module if attribute is None else getattr(module, attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
