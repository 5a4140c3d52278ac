"""Models over many devices: Keras's `distribution`.

A mesh names the axes of a grid of devices, a layout says which axes of a tensor are cut along which
axes of the mesh, and a distribution says how a model's variables and data are laid out. The engine
is the framework's own: on JAX its sharded arrays, which compiled programs follow, so that one
program computes what a single device would. PyTorch and TensorFlow have engines that wrap a model
(`DistributedDataParallel`, FSDP, `tf.distribute`), and a model of isozoo goes into them as it is.
"""

from .devices import get_device_count as get_device_count
from .devices import initialize as initialize
from .devices import list_devices as list_devices
from .layout_map import LayoutMap as LayoutMap
from .mesh import DeviceMesh as DeviceMesh
from .mesh import TensorLayout as TensorLayout
from .placing import distribute_tensor as distribute_tensor
from .strategies import DataParallel as DataParallel
from .strategies import Distribution as Distribution
from .strategies import ModelParallel as ModelParallel
from .strategies import distribution as distribution
from .strategies import set_distribution as set_distribution
