"""Workers that make the batches of a dataset: threads, or processes with a copy of it."""

import contextvars
import itertools
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any

# In a worker process: its copy of the dataset.
_own: dict[str, Any] = {}


class Workers:
    """Makes items of a dataset in threads or processes, and gives them in the order asked for.

    Processes are started anew (never forked: the frameworks' threads do not survive that), each
    with a pickled copy of the dataset, and end with the parent, however that ends.

    Args:
        dataset: an object with `__getitem__`.
        workers: how many threads or processes.
        use_processes: whether they are processes.
        ahead: how many items may be under way or ready.
    """

    def __init__(self, dataset: Any, workers: int, use_processes: bool, ahead: int) -> None:
        self._dataset, self._workers = dataset, workers
        self._use_processes, self._ahead = use_processes, max(ahead, 1)
        self._executor: Executor | None = None

    def results(self, indices: Iterable[int]) -> Iterator[Any]:
        """Yields `dataset[index]` for each index.

        Raises:
            RuntimeError: a process ended before its work, or the dataset cannot be pickled.
        """
        pending: deque[Future] = deque()
        remaining = iter(indices)
        try:
            for index in itertools.islice(remaining, self._ahead):
                pending.append(self._submit(index))
            while pending:
                yield pending.popleft().result()
                for index in itertools.islice(remaining, 1):
                    pending.append(self._submit(index))
        except BrokenProcessPool as error:
            self.close()
            raise RuntimeError(
                f"A worker process of {type(self._dataset).__name__} ended before its work was "
                "done. Possible reasons: it was killed for its memory (fewer `workers`), it could "
                'not be started because the script lacks `if __name__ == "__main__":`, or the '
                "dataset's class is not in a file that a process can import."
            ) from error
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """Ends the workers; the next call of `results` starts new ones."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, index: int) -> Future:
        if self._executor is None:
            self._executor = self._started()
        if not self._use_processes:
            context = contextvars.copy_context()
            return self._executor.submit(context.run, self._dataset.__getitem__, index)
        try:
            return self._executor.submit(_make, index)
        except Exception as error:
            self.close()
            raise RuntimeError(
                f"{type(self._dataset).__name__} cannot be sent to worker processes: {error}. "
                "What it holds must be picklable, and its class defined at the top level of a "
                "module; or use threads: use_multiprocessing=False."
            ) from error

    def _started(self) -> Executor:
        if not self._use_processes:
            return ThreadPoolExecutor(self._workers, thread_name_prefix="isozoo-worker")
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        return ProcessPoolExecutor(
            self._workers, mp_context=context, initializer=_install, initargs=(self._dataset,)
        )


def _install(dataset: Any) -> None:
    """Take the dataset into a new process, and end with the parent."""
    _own["dataset"] = dataset
    parent = multiprocessing.parent_process()
    if parent is not None:
        watch = threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True)
        watch.start()


def _end_with(sentinel: Any) -> None:
    wait([sentinel])
    os._exit(1)


def _make(index: int) -> Any:
    return _own["dataset"][index]
