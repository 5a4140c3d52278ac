"""Knowledge distillation (Hinton et al. 2015, arXiv:1503.02531), with Keras's names."""

from .distiller import Distiller as Distiller
from .losses import DistillationLoss as DistillationLoss
from .losses import FeatureDistillation as FeatureDistillation
from .losses import LogitsDistillation as LogitsDistillation
