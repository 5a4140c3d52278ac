"""What a backend must give by itself, as data. Everything else is derived from these.

`derived/` builds the remaining kernels on them; a backend overrides a derived
kernel only where it has a better one. `tests/framework/test_backends.py` holds every backend to
this list.
"""

from . import renames

ARRAYS = (
    "asarray to_numpy dtype cast shape zeros full arange linspace eye split pad take "
    "slice slice_update scatter_add sort argsort top_k cumsum cumprod"
).split()

ELEMENTWISE = ("").split()

REDUCTIONS = "sum prod max min all any argmax argmin".split()

PRODUCTS = "matmul einsum".split()

NEURAL = "conv depthwise_conv pool rfft irfft random_words".split()

PROGRAMS = "abstract value_and_grad jit inference_function make_value set_value device seed".split()

REQUIRED = (*renames.names(), *ARRAYS, *ELEMENTWISE, *REDUCTIONS, *PRODUCTS, *NEURAL, *PROGRAMS)
