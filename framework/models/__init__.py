"""Model, Functional and Sequential; how models are saved, loaded and cloned."""

from ..saving.api import load_model as load_model
from ..saving.api import model_from_json as model_from_json
from ..saving.api import save_model as save_model
from .cloning import clone_model as clone_model
from .functional import Functional as Functional
from .functional import Input as Input
from .model import Model as Model
from .sequential import Sequential as Sequential
