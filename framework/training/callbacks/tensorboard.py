"""TensorBoard: metrics and weights as files that TensorBoard shows."""

import os
import time
from typing import Any

import numpy as np

from ...ops.conversion import convert_to_numpy
from .base import Callback
from .event_files import EventFile
from .learning_rate import note_learning_rates

_CHECKPOINT = "keras_embedding.ckpt-{epoch}.weights.h5"
_EMBEDDING = "layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"


class TensorBoard(Callback):
    """Writes metrics, weights and the model's structure for TensorBoard.

    What belongs to training goes into the folder "train" below `log_dir`, what belongs to
    evaluations into "validation". Programs are not profiled: the frameworks' own profilers do that.

    Args:
        log_dir: the folder.
        histogram_freq: after how many epochs histograms of the weights are written; 0 for never.
        write_graph: whether the structure of a Functional or Sequential model is written.
        write_images: whether weights are written as images beside the histograms.
        write_steps_per_second: whether the speed of training is written.
        update_freq: "epoch", or after how many batches metrics are written; "batch" for each.
        profile_batch: 0.
        embeddings_freq: after how many epochs the weights are saved for the projector of
            embeddings; 0 for never.
        embeddings_metadata: a file with the names of the rows of all Embedding layers, or a dict
            of files by the layers' names.

    Raises:
        ValueError: another `profile_batch` than 0.
    """

    _kept = ("_train_batch", "_test_batch")

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        if profile_batch:
            raise ValueError(
                "Profiling is not yet available with TensorBoard(profile_batch="
                f"{profile_batch!r}): it must be 0. Use jax.profiler, torch.profiler or "
                "tf.profiler around `fit`."
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.embeddings_freq = histogram_freq, embeddings_freq
        self.write_graph, self.write_images = write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_metadata = embeddings_metadata
        self._train_batch = self._test_batch = 0
        self._files: dict[str, EventFile] = {}
        self._batch_began = self._epoch_began = 0.0
        self._batches_before = 0

    def set_model(self, model: Any) -> None:
        """Takes the model, and writes its structure.

        Raises:
            ValueError: metadata of embeddings for a layer that there is not.
        """
        super().set_model(model)
        self._close()
        if self.write_graph and _is_graph(model):
            self._file("train").text("keras", "graph_keras_model", model.to_json(), 0)
        if self.embeddings_freq:
            self._write_projector()

    def on_train_begin(self, logs: Any = None) -> None:
        """Counts batches from 0."""
        self._train_batch = 0

    def on_train_end(self, logs: Any = None) -> None:
        """Closes the files."""
        self._close()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Counts the batch, and takes the time."""
        self._train_batch += 1
        self._batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Writes the metrics so far, if that is wanted for this batch."""
        if not isinstance(self.update_freq, int) or self._train_batch % self.update_freq:
            return
        file = self._file("train")
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._batch_began
            file.scalar("batch_steps_per_second", 1.0 / seconds, self._train_batch)
        for name, value in (logs or {}).items():
            file.scalar(f"batch_{name}", value, self._train_batch)

    def on_test_end(self, logs: Any = None) -> None:
        """Writes the metrics of an evaluation over the steps of the optimizer."""
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is None or not hasattr(optimizer, "iterations"):
            return
        step = int(convert_to_numpy(optimizer.iterations))
        for name, value in (logs or {}).items():
            self._file("validation").scalar(f"evaluation_{name}_vs_iterations", value, step)
        self._file("validation").flush()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Takes the time."""
        self._epoch_began, self._batches_before = time.perf_counter(), self._train_batch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes metrics, and what else is due after this epoch."""
        if logs:
            self._write_metrics(epoch, logs)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            path = os.path.join(self.log_dir, "train", _CHECKPOINT.format(epoch=epoch))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.model.save_weights(path)
        for file in self._files.values():
            file.flush()

    def _file(self, name: str) -> EventFile:
        if name not in self._files:
            self._files[name] = EventFile(os.path.join(self.log_dir, name))
        return self._files[name]

    def _close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files = {}

    def _write_metrics(self, epoch: int, logs: dict[str, Any]) -> None:
        train = {name: v for name, v in logs.items() if not name.startswith("val_")}
        if getattr(self.model, "optimizer", None) is not None:
            note_learning_rates(self.model, train)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_began
            train["steps_per_second"] = (self._train_batch - self._batches_before) / seconds
        for name, value in train.items():
            self._file("train").scalar(f"epoch_{name}", value, epoch)
        for name, value in logs.items():
            if name.startswith("val_"):
                self._file("validation").scalar(f"epoch_{name[4:]}", value, epoch)

    def _write_weights(self, epoch: int) -> None:
        file = self._file("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                array = np.asarray(weight.numpy())
                if array.dtype == bool or array.dtype.kind == "c":
                    continue
                path = weight.path.replace(":", "_")
                file.histogram(f"{path}/histogram", array, epoch)
                images = _as_images(array) if self.write_images else None
                if images is not None:
                    file.image(f"{path}/image", images, epoch)

    def _write_projector(self) -> None:
        """Tell TensorBoard's projector where the names of the rows of embeddings stand."""
        metadata = self.embeddings_metadata
        files = dict(metadata) if isinstance(metadata, dict) else {}
        text = ""
        for layer in self.model.layers:
            if any(cls.__name__ == "Embedding" for cls in type(layer).__mro__):
                path = metadata if isinstance(metadata, str) else files.pop(layer.name, None)
                named = f'  metadata_path: "{path}"\n' if path else ""
                text += f'embeddings {{\n  tensor_name: "{_EMBEDDING}"\n{named}}}\n'
        if files:
            raise ValueError(
                "Unrecognized `Embedding` layer names passed to `keras.callbacks.TensorBoard` "
                f"`embeddings_metadata` argument: {sorted(files)}"
            )
        os.makedirs(self.log_dir, exist_ok=True)
        path = os.path.join(self.log_dir, "projector_config.pbtxt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def _is_graph(model: Any) -> bool:
    """Whether a model has a structure of layers that is known: a built graph."""
    return getattr(model, "_graph", None) is not None and hasattr(model, "to_json")


def _as_images(weight: np.ndarray) -> np.ndarray | None:
    """A weight as images (n, height, width, channels), as in Keras; None for one of many axes."""
    weight = np.squeeze(weight.astype(np.float64))
    if weight.ndim == 1:
        return weight.reshape(1, -1, 1, 1)
    if weight.ndim == 2:
        return (weight.T if weight.shape[0] > weight.shape[1] else weight)[None, ..., None]
    if weight.ndim == 3:
        return np.moveaxis(weight, -1, 0)[..., None]
    return weight if weight.ndim == 4 and weight.shape[-1] in (1, 3, 4) else None
