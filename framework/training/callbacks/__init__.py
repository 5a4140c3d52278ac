"""Callbacks: what a program wants to be told, or to do, while a model is trained."""

from .backup_and_restore import BackupAndRestore as BackupAndRestore
from .base import Callback as Callback
from .callback_list import CallbackList as CallbackList
from .csv_logger import CSVLogger as CSVLogger
from .early_stopping import EarlyStopping as EarlyStopping
from .history import History as History
from .lambda_callback import LambdaCallback as LambdaCallback
from .learning_rate import LearningRateScheduler as LearningRateScheduler
from .learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
from .model_checkpoint import ModelCheckpoint as ModelCheckpoint
from .monitor import MonitorCallback as MonitorCallback
from .orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
from .progbar_logger import ProgbarLogger as ProgbarLogger
from .remote_monitor import RemoteMonitor as RemoteMonitor
from .swap_ema_weights import SwapEMAWeights as SwapEMAWeights
from .tensorboard import TensorBoard as TensorBoard
from .terminate_on_nan import TerminateOnNaN as TerminateOnNaN
