"""What a backend must give by itself, as data. Everything else is derived from these.

`derived/` builds the remaining kernels on them; a backend overrides a derived
kernel only where it has a better one. `tests/framework/test_backends.py` holds every backend to
this list.
"""

from . import renames

ARRAYS = (
    "asarray to_numpy dtype cast shape zeros full arange eye split pad take "
    "slice slice_update scatter searchsorted bitcast sort argsort top_k cumsum cumprod"
).split()

ELEMENTWISE = ("").split()

REDUCTIONS = "sum prod max min all any argmax argmin".split()

PRODUCTS = "matmul einsum".split()

NEURAL = "conv conv_transpose depthwise_conv pool rfft irfft random_words".split()

LINALG = "solve_triangular svd svdvals pinv lu".split()

SIGNAL = "segment_reduce count_segments".split()

PROGRAMS = (
    "abstract known value_and_grad vjp jvp custom_gradient vmap jit inference_function make_value "
    "set_value device seed"
).split()

REQUIRED = (
    *renames.names(),
    *ARRAYS,
    *ELEMENTWISE,
    *REDUCTIONS,
    *PRODUCTS,
    *NEURAL,
    *LINALG,
    *SIGNAL,
    *PROGRAMS,
)
