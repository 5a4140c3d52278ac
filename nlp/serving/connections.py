"""Connections that wait for a request no longer than they should."""

from __future__ import annotations

import asyncio
from typing import Any


def patient_protocol(seconds: float) -> Any:
    """Returns uvicorn's HTTP/1.1 protocol, which closes a connection whose head does not come.

    uvicorn itself waits for ever for the first line and the headers of a request, so that clients
    who send nothing, or a byte now and then, would take all places.

    Args:
        seconds: from the connection, or the first byte of a later request, to the end of its
            headers.
    """
    from uvicorn.protocols.http import h11_impl

    idle = h11_impl.h11.IDLE

    class PatientProtocol(h11_impl.H11Protocol):
        _limit: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._rest()
            super().connection_lost(exc)

        def _watch(self) -> None:
            if self.conn.their_state is not idle or self.transport.is_closing():
                self._rest()
            elif self._limit is None:
                self._limit = self.loop.call_later(seconds, self.transport.close)

        def _rest(self) -> None:
            if self._limit is not None:
                self._limit.cancel()
                self._limit = None

    return PatientProtocol
