"""Models over many devices: Keras's `distribution`.

A mesh names the axes of a grid of devices, a layout says which axes of a tensor are cut along which
axes of the mesh, and a distribution says how a model's variables and data are laid out. The engine
is the framework's own: sharded arrays on JAX, DTensors of processes on torch, DTensors of the
devices of a process on TensorFlow. One program computes what a single device would. Wrappers of the
frameworks (`DistributedDataParallel`, FSDP, `tf.distribute`) take a model of isozoo as it is, too.
"""

from .auto_layout import AutoParallel as AutoParallel
from .auto_layout import auto_layout as auto_layout
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
