"""Convolutions, channels last unless told otherwise."""

from .depthwise import DepthwiseConv1D as DepthwiseConv1D
from .depthwise import DepthwiseConv2D as DepthwiseConv2D
from .plain import Conv1D as Conv1D
from .plain import Conv2D as Conv2D
from .plain import Conv3D as Conv3D
from .separable import SeparableConv1D as SeparableConv1D
from .separable import SeparableConv2D as SeparableConv2D
from .transposed import Conv1DTranspose as Conv1DTranspose
from .transposed import Conv2DTranspose as Conv2DTranspose
from .transposed import Conv3DTranspose as Conv3DTranspose

# Keras's other names of the same layers.
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
