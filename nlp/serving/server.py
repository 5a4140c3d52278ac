"""The server process: listens, answers, and ends when it is told to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from .app import Limits, Served, application
from .connections import patient_protocol


class TextServer:
    """Serves models of texts over HTTP until it is stopped.

    Args:
        models: name -> model; see `Served`.
        host: the address to listen on; this machine alone can reach the default.
        port: 0 takes a free one.
        limits: what is taken.

    Raises:
        TypeError: a model of a kind that is not served.
        OSError: the address cannot be listened on.
        ImportError: uvicorn and starlette are not installed (the extra `serve`).
    """

    def __init__(
        self,
        models: dict[str, Any],
        host: str = "127.0.0.1",
        port: int = 8000,
        limits: Limits | None = None,
    ) -> None:
        try:
            import starlette  # noqa: F401
            import uvicorn
        except ImportError as error:
            raise ImportError(
                f"{error}. Serving models needs the extra: pip install 'isozoo[serve]'.",
                name=error.name,
            ) from error
        limits = limits or Limits()
        self.served = [Served(model, name, limits) for name, model in models.items()]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=1024)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            application(self.served),
            http=patient_protocol(limits.receive),
            log_level="warning",
            access_log=False,
            limit_concurrency=limits.waiting + 100,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(limits.seconds),
            server_header=False,
        )
        self._server = uvicorn.Server(config)

    def warm(self) -> None:
        """Runs each model once, so that the first request does not wait for compilation."""
        for one in self.served:
            if one.embeds:
                one.model.embed(["warm"])
            else:
                one.model.generate("warm", 2)

    def serve(self, ready: Callable[[], None] | None = None) -> None:
        """Answers until SIGINT, SIGTERM or `stop`; requests that came before are answered first."""
        if ready is not None:
            ready()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Ends `serve`, from any thread."""
        self._server.should_exit = True


def served_names(names: Sequence[str]) -> list[str]:
    """Returns what clients call models: the last part of each preset's name or folder's path.

    Raises:
        ValueError: two would be called alike.
    """
    found = [name.rstrip("/").rsplit("/", 1)[-1].partition("@")[0] for name in names]
    double = {name for name in found if found.count(name) > 1}
    if double:
        raise ValueError(f"Two models would both be called {', '.join(sorted(double))}.")
    return found
