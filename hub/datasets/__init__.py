"""Keras's namespace `datasets`: data sets that are fetched where Keras fetches them, and checked.

Each is a module with `load_data`. Files are kept under `datasets` in the user's cache.
"""

from . import boston_housing as boston_housing
from . import california_housing as california_housing
from . import cifar10 as cifar10
from . import cifar100 as cifar100
from . import fashion_mnist as fashion_mnist
from . import imdb as imdb
from . import mnist as mnist
from . import reuters as reuters
