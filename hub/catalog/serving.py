"""The catalogue's folder offered to a browser on this machine; nothing can be written."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..errors import HubError

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class CatalogueServer:
    """Serves a folder of pages until `close`.

    Args:
        folder: what `build` wrote.
        host: the address to listen on; this machine alone can reach the default.
        port: 0 takes a free one.
        log: told a line for each request.

    Raises:
        HubError: there is no catalogue in the folder.
        OSError: the address cannot be listened on.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        host: str = "127.0.0.1",
        port: int = 0,
        log: Callable[[str], None] | None = None,
    ) -> None:
        folder = Path(folder).resolve()
        if not (folder / "index.html").is_file():
            raise HubError(
                f"{folder} holds no catalogue: `isozoo catalog build --out {folder.name}` makes one"
            )
        handler = functools.partial(_Handler, directory=str(folder), log=log)
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}/"

    def serve(self) -> None:
        """Serves until `close` is called from another thread, or the process is interrupted."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    server_version, sys_version = "isozoo", ""
    timeout = 60

    def __init__(self, *args: Any, log: Callable[[str], None] | None, **options: Any) -> None:
        self._log = log
        super().__init__(*args, **options)

    def log_message(self, format: str, *args: Any) -> None:
        if self._log is not None:
            self._log(f"{self.address_string()} {format % args}")

    def send_head(self) -> Any:
        """Finds the file that is asked for; a link out of the folder is no page."""
        path = Path(self.translate_path(self.path)).resolve()
        if not path.is_relative_to(self.directory):
            self.send_error(404, "there is no such page")
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        self.send_error(404, "there is no such page")

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()
