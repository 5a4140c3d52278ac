"""RemoteMonitor: sends the metrics of every epoch to a server."""

import json
import warnings
from typing import Any

import numpy as np

from .base import Callback


class RemoteMonitor(Callback):
    """Sends the metrics of every epoch to a server, by HTTP POST.

    It needs the package `requests`.

    Args:
        root: the server's address.
        path: where on the server.
        field: the field of the form that holds the JSON, unless it is sent as such.
        headers: HTTP headers.
        send_as_json: whether the JSON itself is sent, and no form.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Sends the metrics; a server that does not answer is a warning.

        Raises:
            ImportError: `requests` is not installed.
        """
        try:
            import requests
        except ImportError as error:
            raise ImportError(
                "RemoteMonitor requires the `requests` library. Install it with: pip install "
                "requests."
            ) from error
        send: dict[str, Any] = {"epoch": epoch}
        for name, value in (logs or {}).items():
            send[name] = value.item() if isinstance(value, np.ndarray | np.generic) else value
        address = self.root + self.path
        try:
            if self.send_as_json:
                requests.post(address, json=send, headers=self.headers)
            else:
                requests.post(address, {self.field: json.dumps(send)}, headers=self.headers)
        except requests.exceptions.RequestException:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)
