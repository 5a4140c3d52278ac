"""Layers, with Keras's names and arguments."""

from typing import Any as _Any

from ..core.input_spec import InputSpec as InputSpec
from ..core.keras_tensor import Input as Input
from ..core.layer import Layer as Layer
from ..serialization import deserialize as _deserialize
from ..serialization import serialize_object as _serialize_object
from .activations import ELU as ELU
from .activations import Activation as Activation
from .activations import LeakyReLU as LeakyReLU
from .activations import PReLU as PReLU
from .activations import ReLU as ReLU
from .activations import Softmax as Softmax
from .attention.attention import AdditiveAttention as AdditiveAttention
from .attention.attention import Attention as Attention
from .attention.grouped_query import GroupQueryAttention as GroupQueryAttention
from .attention.multi_head import MultiHeadAttention as MultiHeadAttention
from .bridges.jax_function import FlaxLayer as FlaxLayer
from .bridges.jax_function import JaxLayer as JaxLayer
from .bridges.saved_model import TFSMLayer as TFSMLayer
from .bridges.torch_module import TorchModuleWrapper as TorchModuleWrapper
from .convolution import Conv1D as Conv1D
from .convolution import Conv1DTranspose as Conv1DTranspose
from .convolution import Conv2D as Conv2D
from .convolution import Conv2DTranspose as Conv2DTranspose
from .convolution import Conv3D as Conv3D
from .convolution import Conv3DTranspose as Conv3DTranspose
from .convolution import Convolution1D as Convolution1D
from .convolution import Convolution1DTranspose as Convolution1DTranspose
from .convolution import Convolution2D as Convolution2D
from .convolution import Convolution2DTranspose as Convolution2DTranspose
from .convolution import Convolution3D as Convolution3D
from .convolution import Convolution3DTranspose as Convolution3DTranspose
from .convolution import DepthwiseConv1D as DepthwiseConv1D
from .convolution import DepthwiseConv2D as DepthwiseConv2D
from .convolution import SeparableConv1D as SeparableConv1D
from .convolution import SeparableConv2D as SeparableConv2D
from .convolution import SeparableConvolution1D as SeparableConvolution1D
from .convolution import SeparableConvolution2D as SeparableConvolution2D
from .core.dense import Dense as Dense
from .core.einsum_dense import EinsumDense as EinsumDense
from .core.embedding import Embedding as Embedding
from .core.embedding import ReversibleEmbedding as ReversibleEmbedding
from .core.input_layer import InputLayer as InputLayer
from .core.passing import Identity as Identity
from .core.passing import Lambda as Lambda
from .core.passing import Masking as Masking
from .core.wrapper import Wrapper as Wrapper
from .merging.concatenate import Concatenate as Concatenate
from .merging.dot import Dot as Dot
from .merging.elementwise import Add as Add
from .merging.elementwise import Average as Average
from .merging.elementwise import Maximum as Maximum
from .merging.elementwise import Minimum as Minimum
from .merging.elementwise import Multiply as Multiply
from .merging.elementwise import Subtract as Subtract
from .merging.functions import add as add
from .merging.functions import average as average
from .merging.functions import concatenate as concatenate
from .merging.functions import dot as dot
from .merging.functions import maximum as maximum
from .merging.functions import minimum as minimum
from .merging.functions import multiply as multiply
from .merging.functions import subtract as subtract
from .normalization import BatchNormalization as BatchNormalization
from .normalization import GroupNormalization as GroupNormalization
from .normalization import LayerNormalization as LayerNormalization
from .normalization import RMSNormalization as RMSNormalization
from .normalization import SpectralNormalization as SpectralNormalization
from .normalization import UnitNormalization as UnitNormalization
from .pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from .pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from .pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from .pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from .pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from .pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from .pooling import AveragePooling1D as AveragePooling1D
from .pooling import AveragePooling2D as AveragePooling2D
from .pooling import AveragePooling3D as AveragePooling3D
from .pooling import AvgPool1D as AvgPool1D
from .pooling import AvgPool2D as AvgPool2D
from .pooling import AvgPool3D as AvgPool3D
from .pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from .pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from .pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from .pooling import GlobalAvgPool1D as GlobalAvgPool1D
from .pooling import GlobalAvgPool2D as GlobalAvgPool2D
from .pooling import GlobalAvgPool3D as GlobalAvgPool3D
from .pooling import GlobalMaxPool1D as GlobalMaxPool1D
from .pooling import GlobalMaxPool2D as GlobalMaxPool2D
from .pooling import GlobalMaxPool3D as GlobalMaxPool3D
from .pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from .pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from .pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from .pooling import MaxPool1D as MaxPool1D
from .pooling import MaxPool2D as MaxPool2D
from .pooling import MaxPool3D as MaxPool3D
from .pooling import MaxPooling1D as MaxPooling1D
from .pooling import MaxPooling2D as MaxPooling2D
from .pooling import MaxPooling3D as MaxPooling3D
from .preprocessing.categories import CategoryEncoding as CategoryEncoding
from .preprocessing.categories import Discretization as Discretization
from .preprocessing.hashing import HashedCrossing as HashedCrossing
from .preprocessing.hashing import Hashing as Hashing
from .preprocessing.images.augmenting import AugMix as AugMix
from .preprocessing.images.augmenting import RandAugment as RandAugment
from .preprocessing.images.colors import RandomColorDegeneration as RandomColorDegeneration
from .preprocessing.images.colors import RandomColorJitter as RandomColorJitter
from .preprocessing.images.colors import RandomGrayscale as RandomGrayscale
from .preprocessing.images.colors import RandomHue as RandomHue
from .preprocessing.images.colors import RandomSaturation as RandomSaturation
from .preprocessing.images.distorting import RandomElasticTransform as RandomElasticTransform
from .preprocessing.images.distorting import RandomPerspective as RandomPerspective
from .preprocessing.images.equalization import (
    ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
)
from .preprocessing.images.equalization import Equalization as Equalization
from .preprocessing.images.filters import RandomGaussianBlur as RandomGaussianBlur
from .preprocessing.images.filters import RandomSharpness as RandomSharpness
from .preprocessing.images.flipping import RandomFlip as RandomFlip
from .preprocessing.images.levels import AutoContrast as AutoContrast
from .preprocessing.images.levels import RandomBrightness as RandomBrightness
from .preprocessing.images.levels import RandomContrast as RandomContrast
from .preprocessing.images.levels import RandomInvert as RandomInvert
from .preprocessing.images.levels import RandomPosterization as RandomPosterization
from .preprocessing.images.levels import Solarization as Solarization
from .preprocessing.images.limiting import MaxNumBoundingBoxes as MaxNumBoundingBoxes
from .preprocessing.images.mixing import CutMix as CutMix
from .preprocessing.images.mixing import MixUp as MixUp
from .preprocessing.images.mixing import RandomErasing as RandomErasing
from .preprocessing.images.resizing import CenterCrop as CenterCrop
from .preprocessing.images.resizing import RandomCrop as RandomCrop
from .preprocessing.images.resizing import Resizing as Resizing
from .preprocessing.images.warping import RandomRotation as RandomRotation
from .preprocessing.images.warping import RandomShear as RandomShear
from .preprocessing.images.warping import RandomTranslation as RandomTranslation
from .preprocessing.images.warping import RandomZoom as RandomZoom
from .preprocessing.lookups import IntegerLookup as IntegerLookup
from .preprocessing.lookups import StringLookup as StringLookup
from .preprocessing.normalization import Normalization as Normalization
from .preprocessing.pipeline import Pipeline as Pipeline
from .preprocessing.rescaling import Rescaling as Rescaling
from .preprocessing.spectrograms import MelSpectrogram as MelSpectrogram
from .preprocessing.spectrograms import STFTSpectrogram as STFTSpectrogram
from .preprocessing.text_vectorization import TextVectorization as TextVectorization
from .recurrent import GRU as GRU
from .recurrent import LSTM as LSTM
from .recurrent import RNN as RNN
from .recurrent import Bidirectional as Bidirectional
from .recurrent import ConvLSTM1D as ConvLSTM1D
from .recurrent import ConvLSTM2D as ConvLSTM2D
from .recurrent import ConvLSTM3D as ConvLSTM3D
from .recurrent import GRUCell as GRUCell
from .recurrent import LSTMCell as LSTMCell
from .recurrent import SimpleRNN as SimpleRNN
from .recurrent import SimpleRNNCell as SimpleRNNCell
from .recurrent import StackedRNNCells as StackedRNNCells
from .recurrent import TimeDistributed as TimeDistributed
from .regularization.activity import ActivityRegularization as ActivityRegularization
from .regularization.dropout import AlphaDropout as AlphaDropout
from .regularization.dropout import Dropout as Dropout
from .regularization.dropout import SpatialDropout1D as SpatialDropout1D
from .regularization.dropout import SpatialDropout2D as SpatialDropout2D
from .regularization.dropout import SpatialDropout3D as SpatialDropout3D
from .regularization.noise import GaussianDropout as GaussianDropout
from .regularization.noise import GaussianNoise as GaussianNoise
from .reshaping.margins import Cropping1D as Cropping1D
from .reshaping.margins import Cropping2D as Cropping2D
from .reshaping.margins import Cropping3D as Cropping3D
from .reshaping.margins import ZeroPadding1D as ZeroPadding1D
from .reshaping.margins import ZeroPadding2D as ZeroPadding2D
from .reshaping.margins import ZeroPadding3D as ZeroPadding3D
from .reshaping.shapes import Flatten as Flatten
from .reshaping.shapes import Permute as Permute
from .reshaping.shapes import RepeatVector as RepeatVector
from .reshaping.shapes import Reshape as Reshape
from .reshaping.upsampling import UpSampling1D as UpSampling1D
from .reshaping.upsampling import UpSampling2D as UpSampling2D
from .reshaping.upsampling import UpSampling3D as UpSampling3D


def serialize(layer: Layer) -> dict[str, _Any]:
    """Returns the config of a layer, from which `deserialize` makes it."""
    return _serialize_object(layer)


def deserialize(config: dict[str, _Any], custom_objects: dict[str, _Any] | None = None) -> _Any:
    """Returns the layer of a config; `custom_objects` has classes by more names.

    Raises ValueError for what is not the config of an object.
    """
    made = _deserialize(config, custom_objects)
    if not hasattr(made, "get_config"):
        raise ValueError(f"Could not parse config: {config!r} does not describe a layer.")
    return made
