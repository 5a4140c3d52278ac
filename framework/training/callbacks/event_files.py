"""Event files of TensorBoard, written without TensorFlow.

A file is a row of records: the length (8 bytes), its checksum, a message "Event" and its checksum.
The package `tensorboard` gives the messages and the checksum.
"""

import io
import os
import socket
import struct
import time
from typing import Any, BinaryIO

import numpy as np


class EventFile:
    """A file of summaries in a folder, opened with the first of them.

    Args:
        folder: made if it is not there.

    Raises:
        ImportError: tensorboard is not installed.
    """

    def __init__(self, folder: str) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
            from tensorboard.util.tensor_util import make_tensor_proto
        except ImportError as error:
            raise ImportError(
                "The callback TensorBoard needs the package tensorboard. Install it with: pip "
                "install 'isozoo[tensorboard]'."
            ) from error
        self._events, self._summaries = event_pb2, summary_pb2
        self._checksum, self._tensor = masked_crc32c, make_tensor_proto
        self._folder = folder
        self._file: BinaryIO | None = None

    def scalar(self, tag: str, value: Any, step: int) -> None:
        """Writes a number."""
        self._summary(tag, "scalars", np.float32(np.mean(value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int, bins: int = 30) -> None:
        """Writes how many of the values lie in each of some equal ranges; NaN are left out."""
        values = np.asarray(values, np.float64).ravel()
        values = values[np.isfinite(values)]
        counts, edges = np.histogram(values, bins)
        table = np.stack([edges[:-1], edges[1:], counts], 1) if values.size else np.zeros((0, 3))
        self._summary(tag, "histograms", table.astype(np.float64), step)

    def image(self, tag: str, images: np.ndarray, step: int) -> None:
        """Writes the first three of images (n, height, width, channels) of floats, stretched.

        Raises:
            ImportError: Pillow is not installed.
        """
        try:
            from PIL import Image
        except ImportError as error:
            raise ImportError(
                "TensorBoard(write_images=True) needs Pillow. Install it with: pip install "
                "'isozoo[images]'."
            ) from error
        height, width = images.shape[1:3]
        parts = [str(width).encode(), str(height).encode()]
        for image in images[:3]:
            # As TensorFlow's summaries: floats count from 0 to 1.
            pixels = (np.clip(image.astype(np.float64), 0, 1) * 255).astype(np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
            parts.append(buffer.getvalue())
        self._summary(tag, "images", np.array(parts, object), step)

    def text(self, tag: str, plugin: str, text: str, step: int) -> None:
        """Writes a text for a plugin, by whose name it is found."""
        self._summary(tag, plugin, np.array(text.encode(), object), step)

    def flush(self) -> None:
        """Gives what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Closes the file; another begins with the next summary."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _summary(self, tag: str, plugin: str, value: Any, step: int) -> None:
        kind = self._summaries.SummaryMetadata.PluginData(plugin_name=plugin)
        classes = {
            "scalars": self._summaries.DATA_CLASS_SCALAR,
            "histograms": self._summaries.DATA_CLASS_TENSOR,
            "images": self._summaries.DATA_CLASS_BLOB_SEQUENCE,
        }
        unknown = self._summaries.DATA_CLASS_UNKNOWN
        metadata = self._summaries.SummaryMetadata(
            plugin_data=kind, data_class=classes.get(plugin, unknown)
        )
        is_text = value.dtype == object
        tensor = self._tensor(value.tolist() if is_text else value, shape=value.shape)
        entry = self._summaries.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
        self._write(summary=self._summaries.Summary(value=[entry]), step=step)

    def _write(self, **fields: Any) -> None:
        if self._file is None:
            os.makedirs(self._folder, exist_ok=True)
            now = time.time_ns()
            name = f"events.out.tfevents.{now}.{socket.gethostname()}.{os.getpid()}.v2"
            self._file = open(os.path.join(self._folder, name), "wb")
            self._write(file_version="brain.Event:2")
        data = self._events.Event(wall_time=time.time(), **fields).SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.write(length + struct.pack("<I", self._checksum(length)))
        self._file.write(data + struct.pack("<I", self._checksum(data)))
