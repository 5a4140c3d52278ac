"""Keras's namespace `utils`."""

from .. import bounding_boxes as bounding_boxes
from ..config import disable_interactive_logging as disable_interactive_logging
from ..config import enable_interactive_logging as enable_interactive_logging
from ..config import is_interactive_logging_enabled as is_interactive_logging_enabled
from ..core.graph import get_source_inputs as get_source_inputs
from ..core.keras_tensor import is_keras_tensor as is_keras_tensor
from ..core.session import clear_session as clear_session
from ..dtypes import standardize_dtype as standardize_dtype
from ..lazy import exports
from .config import Config as Config
from .directories.images import image_dataset_from_directory as image_dataset_from_directory
from .directories.sounds import audio_dataset_from_directory as audio_dataset_from_directory
from .directories.texts import text_dataset_from_directory as text_dataset_from_directory
from .images import array_to_img as array_to_img
from .images import img_to_array as img_to_array
from .images import load_img as load_img
from .images import save_img as save_img
from .numerical import normalize as normalize
from .numerical import to_categorical as to_categorical
from .packing import pack_x_y_sample_weight as pack_x_y_sample_weight
from .packing import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from .progbar import Progbar as Progbar
from .py_dataset import PyDataset as PyDataset
from .seeds import set_random_seed as set_random_seed
from .sequences import pad_sequences as pad_sequences
from .split import split_dataset as split_dataset
from .timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

Sequence = PyDataset  # Keras's older name

# A layer, which stands above this package.
__getattr__, __dir__ = exports(__name__, {"FeatureSpace": "..layers.preprocessing.feature_space"})
