"""Keras's namespace `backend`: the backend in use, dtypes, names; what `framework` defines."""

from .framework.config import backend as backend
from .framework.config import epsilon as epsilon
from .framework.config import floatx as floatx
from .framework.config import image_data_format as image_data_format
from .framework.config import set_epsilon as set_epsilon
from .framework.config import set_floatx as set_floatx
from .framework.config import set_image_data_format as set_image_data_format
from .framework.core.keras_tensor import is_keras_tensor as is_keras_tensor
from .framework.core.naming import get_uid as get_uid
from .framework.core.session import clear_session as clear_session
from .framework.dtypes import is_float_dtype as is_float_dtype
from .framework.dtypes import is_int_dtype as is_int_dtype
from .framework.dtypes import result_type as result_type
from .framework.dtypes import standardize_dtype as standardize_dtype
