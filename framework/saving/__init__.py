"""Files of models, in and out, with the public names of `keras.saving`."""

from ..registered import CustomObjectScope as CustomObjectScope
from ..registered import custom_object_scope as custom_object_scope
from ..registered import get_custom_objects as get_custom_objects
from ..registered import get_registered_name as get_registered_name
from ..registered import get_registered_object as get_registered_object
from ..registered import register_keras_serializable as register_keras_serializable
from .api import load_model as load_model
from .api import load_weights as load_weights
from .api import save_model as save_model
from .api import save_weights as save_weights
from .errors import FileError as FileError
from .errors import MismatchError as MismatchError
from .file_editor import KerasFileEditor as KerasFileEditor
from .objects import deserialize_keras_object as deserialize_keras_object
from .objects import serialize_keras_object as serialize_keras_object
