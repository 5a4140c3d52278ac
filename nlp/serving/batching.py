"""Requests that wait for one model, gathered to batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any


class BusyError(Exception):
    """More requests wait than may."""


@dataclass(eq=False)
class _Waiting:
    item: Any
    size: int
    key: Hashable
    run: Callable[[Sequence[Any]], Sequence[Any]]
    answer: asyncio.Future = field(repr=False)


class Batcher:
    """Runs the work of a model in one thread, what may go together in one batch.

    Requests are taken in the order in which they came. Those that have the key of the first go
    with it, up to `max_batch`. A request that was given up before its turn is not run.

    Args:
        max_batch: the largest sum of sizes of a batch; one request may be larger by itself.
        wait: seconds for which a batch that is not full waits for more requests.
        max_waiting: most requests that wait; the next one is refused.
    """

    def __init__(self, max_batch: int = 32, wait: float = 0.005, max_waiting: int = 1000) -> None:
        self.max_batch, self.wait, self.max_waiting = max_batch, wait, max_waiting
        self.batches = self.requests = 0
        self._queue: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="isozoo-model")
        self._loop: asyncio.Task | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    async def submit(
        self,
        run: Callable[[Sequence[Any]], Sequence[Any]],
        item: Any,
        *,
        size: int = 1,
        key: Hashable = None,
    ) -> Any:
        """Returns the result for `item` of `run(items)`, which gives one for each, in order.

        Args:
            run: called in the model's thread, with the items of one batch.
            item: what this request asks for.
            size: how much of a batch it takes.
            key: requests of equal keys, and the same `run`, may share a batch; None shares none.

        Raises:
            BusyError: too many requests wait.
            Exception: what `run` raised. Where several shared the batch, each is run again by
                itself, so that one request's fault is not another's.
        """
        if len(self._queue) >= self.max_waiting:
            raise BusyError(f"{len(self._queue)} requests wait already")
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop.create_task(self._work())
        one = _Waiting(item, size, key, run, loop.create_future())
        self._queue.append(one)
        self.requests += 1
        self._news.set()
        return await one.answer

    async def step(self, pieces: Iterator[Any]) -> Any:
        """Returns the iterator's next piece, made in the model's thread; None at its end.

        Other work of the model goes on between the pieces.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, next, pieces, None)

    async def close(self) -> None:
        """Stops the thread; requests that still wait are given up."""
        if self._loop is not None:
            self._loop.cancel()
        for one in self._queue:
            one.answer.cancel()
        self._queue.clear()
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    async def _work(self) -> None:
        while True:
            self._news.clear()
            if not self._queue:
                await self._news.wait()
            batch = await self._gathered()
            if batch:
                await self._answered(batch)

    async def _gathered(self) -> list[_Waiting]:
        """The next batch; empty where all that waited were given up."""
        if not self._full() and self.wait:
            await asyncio.sleep(self.wait)
        batch: list[_Waiting] = []
        rest: deque[_Waiting] = deque()
        size = 0
        while self._queue:
            one = self._queue.popleft()
            if one.answer.done():
                continue
            fits = not batch or (
                one.key is not None
                and one.key == batch[0].key
                and one.run == batch[0].run
                and size + one.size <= self.max_batch
            )
            if fits:
                batch.append(one)
                size += one.size
            else:
                rest.append(one)
        self._queue = rest
        return batch

    def _full(self) -> bool:
        return sum(one.size for one in self._queue) >= self.max_batch

    async def _answered(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        items = [one.item for one in batch]
        self.batches += 1
        try:
            results = await loop.run_in_executor(self._thread, batch[0].run, items)
            if len(results) != len(batch):
                raise AssertionError(f"{len(batch)} requests, {len(results)} answers")
        except Exception as error:
            if len(batch) > 1:
                for one in batch:
                    await self._answered([one])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        for one, result in zip(batch, results, strict=True):
            if not one.answer.done():
                one.answer.set_result(result)
