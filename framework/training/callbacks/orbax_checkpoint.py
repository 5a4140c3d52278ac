"""OrbaxCheckpoint: saves the state of a training as checkpoints of Orbax."""

import os
import warnings
from typing import Any

from ... import config
from ...saving import orbax
from ...utils.messages import print_message
from .counting import Every, checked_frequency
from .monitor import MonitorCallback


class OrbaxCheckpoint(MonitorCallback):
    """Saves the model's state to numbered checkpoints in a folder, in the background.

    A checkpoint has the weights, the optimizer's and the metrics' state, and the model's config;
    `load_model(directory)` gives the model of the newest, `load_weights(directory)` its weights. It
    is numbered by its epoch, from 0, or by the batches done since the beginning. It needs the
    package `orbax-checkpoint`, which brings JAX along, on any backend. Definition: Keras 3.15's.

    Args:
        directory: the folder.
        monitor: the metric by which the best is told.
        verbose: 1 to tell of each checkpoint.
        save_best_only: whether to save only when the metric is better than before.
        mode: "min", "max", or "auto" for what the metric says of itself.
        save_freq: "epoch", or after how many batches.
        initial_value_threshold: a value that the first one has to beat.
        max_to_keep: how many of the newest checkpoints stay; all if None.
        save_on_background: whether training goes on while files are written.
        save_weights_only: whether the weights alone are saved.

    Raises:
        ImportError: the package is not installed.
        ValueError: a frequency that there is not.
    """

    _kept = ("best", "_seen")

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        ocp = orbax.library()
        super().__init__(monitor, mode, initial_value_threshold)
        self.directory = os.fspath(directory)
        self.verbose, self.save_best_only = verbose, save_best_only
        self.save_freq = checked_frequency(save_freq)
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._every = Every(save_freq)
        policies = ocp.training
        keep = None
        if max_to_keep is not None:
            keep = policies.preservation_policies.LatestN(max_to_keep)
        self.checkpointer = policies.Checkpointer(
            # Orbax takes no path from the working directory.
            directory=os.path.abspath(self.directory),
            preservation_policy=keep,
            save_decision_policy=policies.save_decision_policies.FixedIntervalPolicy(1),
        )

    @property
    def _seen(self) -> list[int]:
        """What a backup keeps of the counting."""
        return [self._every.counted, self._every.last]

    @_seen.setter
    def _seen(self, value: list[int]) -> None:
        self._every.counted, self._every.last = value

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Saves if it is time to."""
        if self._every.is_due(batch):
            self._save(int(self.model.optimizer.iterations.numpy()), logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves if that is wanted after epochs."""
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Waits for the last checkpoint, and frees what Orbax holds."""
        self.wait_until_finished()
        self.checkpointer.close()

    def wait_until_finished(self) -> None:
        """Waits until all checkpoints are on the disk."""
        self.checkpointer.wait()

    def is_multihost_enabled(self) -> bool:
        """Returns whether several processes of JAX save together."""
        return self.model._backend.process_place()[0] > 1

    def is_primary_host(self) -> bool:
        """Returns whether this process is the first one."""
        return self.model._backend.process_place()[1] == 0

    def _save(self, step: int, logs: Any) -> None:
        if self.save_best_only and not self._is_best(step, logs or {}):
            return
        backend, distribution = self.model._backend, config.distribution()
        laid_out = distribution is not None and distribution.lays_out(backend)
        # Orbax takes apart JAX's arrays alone.
        tensors = backend.name == "jax" and (laid_out or self.is_multihost_enabled())
        payload = orbax.payload(self.model, self.save_weights_only, tensors=tensors)
        if not tensors and not self.is_primary_host():
            return  # all processes have gathered the values, and the first writes them
        if self.save_on_background:
            self.checkpointer.save_checkpointables_async(step, payload)
        else:
            self.checkpointer.save_checkpointables(step, payload)
        if self.verbose:
            print_message(f"\nStep {step}: saving a checkpoint to {self.directory}")

    def _is_best(self, step: int, logs: dict[str, Any]) -> bool:
        self._choose_direction()
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Can save best model only with {self.monitor} available, skipping save at step "
                f"{step}.",
                stacklevel=4,
            )
            return False
        if not self._is_improvement(current, self.best):
            return False
        self.best = current
        return True
