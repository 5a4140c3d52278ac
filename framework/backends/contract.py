"""What a backend must give by itself, as data. Everything else is derived from these.

`base.py` and `derived.py` build the remaining kernels on them; a backend overrides a derived
kernel only where it has a better one. `tests/framework/test_backends.py` holds every backend to
this list.
"""

ARRAYS = (
    "asarray to_numpy dtype cast shape zeros full arange linspace eye reshape transpose "
    "broadcast_to concatenate stack split pad flip tile repeat where take take_along_axis "
    "slice slice_update scatter_add roll sort argsort top_k cumsum cumprod tril triu "
    "stop_gradient copy"
).split()

ELEMENTWISE = (
    "add subtract multiply divide floor_divide mod power maximum minimum arctan2 "
    "equal not_equal less less_equal greater greater_equal "
    "logical_and logical_or logical_not bitwise_and bitwise_or bitwise_xor bitwise_not "
    "left_shift right_shift "
    "negative absolute sign square sqrt rsqrt exp expm1 log log1p log2 log10 sin cos tan "
    "arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf sigmoid "
    "floor ceil round isnan isinf isfinite real imag conj"
).split()

REDUCTIONS = "sum prod max min all any argmax argmin".split()

PRODUCTS = "matmul einsum".split()

NEURAL = "conv depthwise_conv pool rfft irfft random_bits".split()

PROGRAMS = "abstract value_and_grad jit inference_function make_value set_value".split()

REQUIRED = (*ARRAYS, *ELEMENTWISE, *REDUCTIONS, *PRODUCTS, *NEURAL, *PROGRAMS)
