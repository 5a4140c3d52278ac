"""The classes by which Keras's configs name ops: a table that is read in both directions.

In a functional model each op is a layer of its own in Keras's config: `{"module":
"keras.src.ops.numpy", "class_name": "Sum", "config": {"name": "sum", "axis": 0}}`. What stands in
parentheses below are the arguments that Keras keeps in the op's config; all others stand in its
call. The op has the class's name in snake case, unless another one follows "=".
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from .. import ops
from ..named import snake_case

_PREFIX = "keras.src.ops."
_TABLE = {
    "core": """
        AssociativeScan(reverse,axis) Cast(dtype) Cond ConvertToTensor(dtype,sparse,ragged)
        ForiLoop(lower,upper,body_fun) Map SaturateCast(dtype) Scan(length,reverse,unroll)
        Scatter(shape) ScatterUpdate(reduction) Slice(shape) SliceUpdate StopGradient Switch
        Unstack(num,axis) VectorizedMap(function) WhileLoop(cond,body,maximum_iterations)
    """,
    "numpy": """
        Abs Absolute Add All(axis,keepdims) AllClose=allclose(rtol,atol,equal_nan)
        Amax(axis,keepdims) Amin(axis,keepdims) Angle Any(axis,keepdims) Append(axis)
        Arange(dtype) Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh
        Argmax(axis,keepdims) Argmin(axis,keepdims) Argpartition(kth,axis) Argsort(axis)
        Array(dtype) ArraySplit(indices_or_sections,axis) Average(axis)
        Bincount(weights,minlength,sparse) BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot
        BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo(shape) Cbrt Ceil Clip(x_min,x_max)
        Concatenate(axis) Conj Conjugate Copy Corrcoef Correlate(mode) Cos Cosh
        CountNonzero(axis) Cross(axisa,axisb,axisc,axis) Cumprod(axis,dtype) Cumsum(axis,dtype)
        Deg2rad Diag(k) Diagflat(k) Diagonal(offset,axis1,axis2) Diff(n,axis) Digitize Divide
        DivideNoNan Dot Dsplit(indices_or_sections) Dstack Einsum(subscripts) EmptyLike(dtype)
        Equal Exp Exp2 ExpandDims(axis) Expm1 Fabs Flip(axis) Fliplr Flipud Floor FloorDivide
        Fmax Fmin Fmod Full(shape,dtype) FullLike(dtype) Gcd Geomspace(num,endpoint,dtype,axis)
        GetItem Greater GreaterEqual Heaviside Histogram(bins,range)
        Hsplit(indices_or_sections) Hstack Hypot I0 Imag Inner IsIn=isin(assume_unique,invert)
        Isclose(equal_nan) Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron Lcm Ldexp
        LeftShift Less LessEqual Linspace(num,endpoint,retstep,dtype,axis) Log Log10 Log1p Log2
        Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor
        Logspace(num,endpoint,base,dtype,axis) Matmul Max(axis,keepdims,initial) Maximum
        Mean(axis,keepdims) Median(axis,keepdims) Meshgrid(indexing) Min(axis,keepdims,initial)
        Minimum Mod Moveaxis(source,destination) Multiply NanToNum(nan,posinf,neginf)
        Nanargmax(axis,keepdims) Nanargmin(axis,keepdims) Nancumprod(axis,dtype)
        Nancumsum(axis,dtype) Nanmax(axis,keepdims) Nanmean(axis,keepdims)
        Nanmedian(axis,keepdims) Nanmin(axis,keepdims) Nanpercentile(axis,method,keepdims)
        Nanprod(axis,keepdims) Nanquantile(axis,method,keepdims) Nanstd(axis,keepdims)
        Nansum(axis,keepdims) Nanvar(axis,keepdims) Ndim Negative Nextafter Nonzero NotEqual
        OnesLike(dtype) Outer Pad(pad_width,mode) Percentile(axis,method,keepdims) Power
        Prod(axis,keepdims,dtype) Ptp(axis,keepdims) Quantile(axis,method,keepdims) Rad2deg
        Ravel Real Reciprocal Repeat(repeats,axis) Reshape(newshape) RightShift
        Roll(shift,axis) Rot90(k,axes) Round(decimals) SearchSorted=searchsorted(side) Select
        Sign Signbit Sin Sinc Sinh Size Slogdet Sort(axis) Split(indices_or_sections,axis) Sqrt
        Square Squeeze(axis) Stack(axis) Std(axis,keepdims) Subtract Sum(axis,keepdims)
        Swapaxes(axis1,axis2) Take(axis) TakeAlongAxis(axis) Tan Tanh Tensordot(axes)
        Tile(repeats) Trace(offset,axis1,axis2) Transpose(axes) Trapezoid(x,dx,axis) Tril(k)
        Triu(k) TrueDivide Trunc Unique(sorted, return_index, return_inverse, return_counts,
        axis, size, fill_value) UnravelIndex(shape) Vander(N,increasing) Var(axis,keepdims)
        Vdot View(dtype) Vsplit(indices_or_sections) Vstack Where ZerosLike(dtype)
    """,
    "nn": """
        AdaptiveAveragePool(output_size,data_format) AdaptiveMaxPool(output_size,data_format)
        AveragePool(pool_size,strides,padding,data_format) BinaryCrossentropy(from_logits)
        CTCDecode(strategy, beam_width, top_paths, merge_repeated, mask_index)
        CTCLoss(mask_index) CategoricalCrossentropy(from_logits,axis) Celu(alpha)
        Conv(strides,padding,data_format,dilation_rate) ConvTranspose(strides, padding,
        output_padding, data_format, dilation_rate) DepthToSpace(block_size,data_format)
        DepthwiseConv(strides,padding,data_format,dilation_rate) DotProductAttention(is_causal,
        flash_attention, attn_logits_soft_cap) Elu(alpha)
        Fold(output_size,kernel_size,dilation,padding,stride) Gelu(approximate) Glu(axis)
        HardShrink(threshold) HardSigmoid HardSilu HardTanh LeakyRelu(negative_slope)
        LogSigmoid LogSoftmax(axis) MaxPool(pool_size,strides,padding,data_format)
        Moments(axes,keepdims,synchronized) MultiHot(num_classes,axis,dtype,sparse)
        Normalize(axis,order,epsilon) OneHot(num_classes,axis,dtype,sparse) PSNR(max_val) Polar
        Relu Relu6 Selu SeparableConv(strides,padding,data_format,dilation_rate) Sigmoid Silu
        SoftShrink(threshold) Softmax(axis) Softplus Softsign
        SpaceToDepth(block_size,data_format) SparseCategoricalCrossentropy(from_logits,axis)
        SparsePlus SparseSigmoid Sparsemax(axis) Squareplus(b) TanhShrink
        Threshold(threshold,default_value) Unfold(kernel_size,dilation,padding,stride)
    """,
    "math": """
        CDist=cdist Erf Erfc Erfinv ExtractSequences(sequence_length,sequence_stride) FFT FFT2
        IFFT2 IRFFT(fft_length) ISTFT(sequence_length, sequence_stride, fft_length, length,
        window, center) InTopK(k) Logdet Logsumexp(axis,keepdims) RFFT(fft_length) Rsqrt
        STFT(sequence_length, sequence_stride, fft_length, window, center)
        SegmentMax(num_segments,sorted) SegmentMin(num_segments,sorted)
        SegmentProd(num_segments,sorted) SegmentSum(num_segments,sorted) TopK(k,sorted)
        ViewAsComplex ViewAsReal
    """,
    "image": """
        AffineTransform(interpolation, fill_mode, fill_value, data_format)
        CropImages(top_cropping, left_cropping, bottom_cropping, right_cropping, target_height,
        target_width, data_format) ElasticTransform(alpha, sigma, interpolation, fill_mode,
        fill_value, seed, data_format) ExtractPatches(size, strides, dilation_rate, padding,
        data_format) GaussianBlur(kernel_size,sigma,data_format) HSVToRGB(data_format)
        MapCoordinates(order,fill_mode,fill_value) PadImages(top_padding, left_padding,
        bottom_padding, right_padding, target_height, target_width, data_format)
        PerspectiveTransform(interpolation,fill_value,data_format) RGBToGrayscale(data_format)
        RGBToHSV(data_format) Resize(size, interpolation, antialias, crop_to_aspect_ratio,
        pad_to_aspect_ratio, fill_mode, fill_value, data_format)
        SSIM(max_val,filter_size,filter_sigma,k1,k2,data_format)
        ScaleAndTranslate(spatial_dims,method,antialias) SobelEdges(data_format)
    """,
    "linalg": """
        Cholesky(upper) CholeskyInverse(upper) Det Eig Eigh Inv JVP(has_aux) Lstsq(rcond)
        LuFactor MatrixRank(tol) Norm(ord,axis,keepdims) Pinv(rcond) Qr(mode)
        SVD(full_matrices,compute_uv) Solve SolveTriangular(lower)
    """,
    "einops": """
        Rearrange
    """,
}
_ENTRY = re.compile(r"(\w+)(?:=(\w+))?(?:\(([\w,]*)\))?$")


class KerasOp(NamedTuple):
    """An op under Keras's name.

    Attributes:
        module: of Keras.
        class_name: in that module.
        function: the public op here.
        settings: the arguments that stand in the op's config.
    """

    module: str
    class_name: str
    function: Any
    settings: tuple[str, ...]


@cache
def _entries() -> dict[tuple[str, str], KerasOp]:
    found = {}
    for name, text in _TABLE.items():
        namespace = ops.image if name == "image" else ops
        for item in re.sub(r",\s+", ",", text).split():
            match = _ENTRY.match(item)
            assert match is not None, item
            cls, function, settings = match.groups()
            op = getattr(namespace, function or snake_case(cls))
            names = tuple(settings.split(",")) if settings else ()
            found[_PREFIX + name, cls] = KerasOp(_PREFIX + name, cls, op, names)
    return found


def by_class(module: Any, class_name: Any) -> KerasOp | None:
    """Returns the op that a config of Keras names, or None."""
    if not isinstance(module, str) or not isinstance(class_name, str):
        return None
    return _entries().get((module, class_name))


@cache
def _by_function() -> dict[int, KerasOp]:
    found: dict[int, KerasOp] = {}
    for entry in _entries().values():
        found.setdefault(id(entry.function), entry)
    return found


def by_function(function: Any) -> KerasOp | None:
    """Returns what Keras calls an op, or None if it has none like it."""
    return _by_function().get(id(function))
