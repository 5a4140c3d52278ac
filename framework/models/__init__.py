"""Model, Functional and Sequential."""

from .functional import Functional as Functional
from .functional import Input as Input
from .model import Model as Model
from .sequential import Sequential as Sequential
