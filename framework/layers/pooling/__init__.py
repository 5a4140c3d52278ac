"""Pooling: one value for each window, channels last unless told otherwise."""

from .adaptive import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from .adaptive import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from .adaptive import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from .adaptive import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from .adaptive import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from .adaptive import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from .overall import GlobalAveragePooling1D as GlobalAveragePooling1D
from .overall import GlobalAveragePooling2D as GlobalAveragePooling2D
from .overall import GlobalAveragePooling3D as GlobalAveragePooling3D
from .overall import GlobalMaxPooling1D as GlobalMaxPooling1D
from .overall import GlobalMaxPooling2D as GlobalMaxPooling2D
from .overall import GlobalMaxPooling3D as GlobalMaxPooling3D
from .windowed import AveragePooling1D as AveragePooling1D
from .windowed import AveragePooling2D as AveragePooling2D
from .windowed import AveragePooling3D as AveragePooling3D
from .windowed import MaxPooling1D as MaxPooling1D
from .windowed import MaxPooling2D as MaxPooling2D
from .windowed import MaxPooling3D as MaxPooling3D

# Keras's other names of the same layers.
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
