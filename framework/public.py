"""The objects of Keras's top level that configs name."""

from .core.input_spec import InputSpec as InputSpec
from .core.layer import Layer as Layer
from .core.operation import Operation as Operation
from .core.variable import Variable as Variable
from .dtype_policies import DTypePolicy as DTypePolicy
from .dtype_policies import FloatDTypePolicy as FloatDTypePolicy
from .initializers import Initializer as Initializer
from .losses import Loss as Loss
from .metrics import Metric as Metric
from .models import Functional as Functional
from .models import Model as Model
from .models import Sequential as Sequential
from .optimizers import Optimizer as Optimizer
from .quantizers import Quantizer as Quantizer
from .regularizers import Regularizer as Regularizer
