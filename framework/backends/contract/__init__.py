"""What a backend must give by itself: its kernels and hooks, as typed protocols.

`derived/` builds the remaining kernels on these; a backend overrides a derived one only where it
has a better kernel. Kernels get native tensors of one dtype, already promoted by the op that calls
them, or Python numbers beside a tensor; axes are as the caller gave them. Arguments before a `/`
are given by place, for the framework's own function may stand there under other names.
`tests/framework/test_contract_of_kernels.py` compares every backend's signatures with these.
"""

from .arrays import ArrayKernels as ArrayKernels
from .elementwise import ElementwiseKernels as ElementwiseKernels
from .linalg import LinalgKernels as LinalgKernels
from .neural import NeuralKernels as NeuralKernels
from .programs import Programs as Programs

PROTOCOLS = (ArrayKernels, ElementwiseKernels, LinalgKernels, NeuralKernels, Programs)


class Kernels(ArrayKernels, ElementwiseKernels, LinalgKernels, NeuralKernels, Programs):
    """All that a backend must give by itself."""


def required() -> dict[str, object]:
    """Returns name -> function of every kernel and hook of the contract."""
    return {
        name: value
        for protocol in PROTOCOLS
        for name, value in vars(protocol).items()
        if not name.startswith("_") and callable(value)
    }
