"""The catalogue of presets as a folder of static pages."""

from .pages import Catalogue as Catalogue
from .pages import build as build
