"""Kernels that a framework has under a name of its own: one row for each, all backends in a line.

A cell is the function's path below the framework's root module, as `ROOTS` of the backend says; an
empty cell means that the backend defines the kernel itself, or takes the derived one.
"""

from collections.abc import Callable, Mapping
from typing import Any

COLUMNS = ("numpy", "jax", "torch", "tensorflow")

# kernel, then what it is called on each of COLUMNS ("-": see the backend's own class).
TABLE = """
reshape          reshape          reshape             reshape                 reshape
transpose        transpose        transpose           -                       -
broadcast_to     broadcast_to     broadcast_to        broadcast_to            broadcast_to
concatenate      concatenate      concatenate         cat                     concat
stack            stack            stack               stack                   stack
flip             flip             flip                -                       -
tile             tile             tile                tile                    -
repeat           repeat           -                   -                       -
take_along_axis  take_along_axis  take_along_axis     -                       -
roll             roll             roll                -                       -
expand_dims      expand_dims      expand_dims         -                       -
squeeze          squeeze          squeeze             -                       -
swapaxes         swapaxes         swapaxes            swapaxes                -
moveaxis         moveaxis         moveaxis            movedim                 -
tril             tril             tril                -                       -
triu             triu             triu                -                       -
diag             diag             diag                diag                    -
diagonal         diagonal         diagonal            diagonal                -
nonzero          nonzero          nonzero             -                       -
complex_from     -                lax.complex         complex                 dtypes.complex
copy             copy             copy                clone                   identity
equal            equal            equal               operator.eq             equal
not_equal        not_equal        not_equal           operator.ne             not_equal
less             less             less                operator.lt             -
less_equal       less_equal       less_equal          operator.le             -
greater          greater          greater             operator.gt             -
greater_equal    greater_equal    greater_equal       operator.ge             -
logical_and      logical_and      logical_and         -                       logical_and
logical_or       logical_or       logical_or          -                       logical_or
logical_not      logical_not      logical_not         logical_not             logical_not
bitwise_and      bitwise_and      bitwise_and         operator.and_           -
bitwise_or       bitwise_or       bitwise_or          operator.or_            -
bitwise_xor      bitwise_xor      bitwise_xor         operator.xor            -
bitwise_not      bitwise_not      bitwise_not         -                       -
left_shift       left_shift       left_shift          operator.lshift         bitwise.left_shift
right_shift      right_shift      right_shift         operator.rshift         bitwise.right_shift
negative         negative         negative            neg                     -
absolute         absolute         -                   abs                     -
sign             sign             sign                -                       -
square           square           square              square                  square
sqrt             sqrt             sqrt                sqrt                    sqrt
exp              exp              exp                 exp                     exp
expm1            expm1            expm1               expm1                   math.expm1
log              log              log                 log                     math.log
log1p            log1p            log1p               log1p                   math.log1p
log2             log2             log2                log2                    -
log10            log10            log10               log10                   -
sin              sin              sin                 sin                     sin
cos              cos              cos                 cos                     cos
tan              tan              tan                 tan                     tan
arcsin           arcsin           arcsin              arcsin                  asin
arccos           arccos           arccos              arccos                  acos
arctan           arctan           arctan              arctan                  atan
sinh             sinh             sinh                sinh                    sinh
cosh             cosh             cosh                cosh                    cosh
tanh             tanh             tanh                tanh                    tanh
arcsinh          arcsinh          arcsinh             arcsinh                 asinh
arccosh          arccosh          arccosh             arccosh                 acosh
arctanh          arctanh          arctanh             arctanh                 atanh
floor            floor            floor               floor                   floor
ceil             ceil             ceil                ceil                    math.ceil
round            round            round               -                       -
isnan            isnan            isnan               isnan                   math.is_nan
isinf            isinf            isinf               isinf                   math.is_inf
isfinite         isfinite         isfinite            isfinite                math.is_finite
real             real             real                real                    math.real
imag             imag             imag                imag                    math.imag
conj             conj             conj                conj                    math.conj
where            -                where               where                   -
stop_gradient    -                lax.stop_gradient   Tensor.detach           stop_gradient
add              -                add                 operator.add            -
subtract         -                subtract            operator.sub            subtract
multiply         -                multiply            operator.mul            -
divide           -                true_divide         operator.truediv        divide
floor_divide     -                floor_divide        operator.floordiv       math.floordiv
mod              -                mod                 operator.mod            math.floormod
power            -                power               operator.pow            -
maximum          -                maximum             -                       -
minimum          -                minimum             -                       -
arctan2          -                arctan2             arctan2                 math.atan2
hypot            -                hypot               hypot                   -
logaddexp        -                logaddexp           logaddexp               -
logaddexp2       -                logaddexp2          logaddexp2              -
nextafter        -                nextafter           nextafter               -
fmod             -                fmod                fmod                    -
gcd              -                gcd                 gcd                     -
lcm              -                lcm                 lcm                     -
cbrt             cbrt             cbrt                -                       -
exp2             exp2             -                   exp2                    -
trunc            trunc            trunc               trunc                   -
sinc             sinc             sinc                sinc                    -
i0               -                i0                  i0                      -
rsqrt            -                lax.rsqrt           rsqrt                   math.rsqrt
erf              -                lax.erf             erf                     math.erf
sigmoid          -                jax.nn.sigmoid        sigmoid                 sigmoid
matmul           -                -                   -                       -
einsum           -                -                   -                       -
relu             -                jax.nn.relu         relu                    nn.relu
relu6            -                jax.nn.relu6        nn.functional.relu6     nn.relu6
silu             -                jax.nn.silu         nn.functional.silu      nn.silu
softmax          -                jax.nn.softmax      softmax                 nn.softmax
log_softmax      -                jax.nn.log_softmax  log_softmax             nn.log_softmax
softplus         -                jax.nn.softplus     nn.functional.softplus  nn.softplus
celu             -                -                   celu                    -
selu             -                -                   selu                    -
glu              -                jax.nn.glu          nn.functional.glu       -
log_sigmoid      -                jax.nn.log_sigmoid  nn.functional.logsigmoid  math.log_sigmoid
hard_sigmoid     -                jax.nn.hard_sigmoid  nn.functional.hardsigmoid  -
hard_silu        -                jax.nn.hard_silu    nn.functional.hardswish  -
softsign         -                jax.nn.soft_sign    nn.functional.softsign  nn.softsign
soft_shrink      -                -                   nn.functional.softshrink  -
hard_shrink      -                -                   nn.functional.hardshrink  -
threshold        -                -                   nn.functional.threshold  -
reciprocal       -                -                   reciprocal              -
erfc             -                lax.erfc            erfc                    math.erfc
erfinv           -                lax.erf_inv         erfinv                  -
complex          -                lax.complex         complex                 complex
fft              fft.fft          fft.fft             -                       signal.fft
fft2             fft.fft2         fft.fft2            -                       signal.fft2d
ifft2            fft.ifft2        fft.ifft2           -                       signal.ifft2d
cholesky         linalg.cholesky  -                   linalg.cholesky         -
det              linalg.det       linalg.det          -                       -
slogdet          linalg.slogdet   linalg.slogdet      linalg.slogdet          -
eig              -                linalg.eig          linalg.eig              linalg.eig
eigh             linalg.eigh      -                   linalg.eigh             linalg.eigh
inv              linalg.inv       -                   linalg.inv              -
qr               linalg.qr        linalg.qr           linalg.qr               -
solve            linalg.solve     -                   linalg.solve            -
"""


def kernels(
    backend: str,
    roots: Mapping[str, Any],
    wrap: Callable[[str, Any], Any] = lambda name, function: function,
) -> Any:
    """Returns a class with the kernels of a backend's column, the first base of the backend.

    Args:
        backend: one of COLUMNS.
        roots: the first part of a path -> a module; "" is the module for paths without such a part.
        wrap: gets the name of a kernel and the framework's function, and returns the kernel.
    """
    place = COLUMNS.index(backend) + 1
    made: dict[str, Any] = {}
    for row in filter(None, TABLE.splitlines()):
        cells = row.split()
        name, path = cells[0], cells[place]
        if path != "-":
            made[name] = staticmethod(wrap(name, _follow(path, roots)))
    return type("Renamed", (), made)


def _follow(path: str, roots: Mapping[str, Any]) -> Any:
    first, _, rest = path.partition(".")
    found = roots[first] if rest and first in roots else getattr(roots[""], first)
    for part in filter(None, rest.split(".")):
        found = getattr(found, part)
    return found


def names() -> tuple[str, ...]:
    """The kernels of the table."""
    return tuple(row.split()[0] for row in filter(None, TABLE.splitlines()))
