"""Inference by graphs: a call is recorded once for its shapes, and replayed from then on.

On CUDA these are CUDA graphs; on CPUs the steps of decoders are recorded, see `cpu_graphs`. What
an eager forward pass costs on a GPU is mostly Python's time to launch kernels: BERT-base in
bfloat16 at 8×128 took 8.0 ms eagerly and 0.97 ms replayed (one H200).
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ...nested import map_structure
from ...structures import split
from .placing import Constants

# Calls of one form before it is recorded: what is called once or twice is not worth a recording.
CALLS_BEFORE = 3
# Recordings that one function keeps; each holds the memory of its activations.
MAX_GRAPHS = 8


class CudaDriver:
    """Records and replays on CUDA. Tests put another in its place."""

    # What is written to a weight in its place is read by the next replay.
    watches_versions = False
    # What a replay raises where its kernels refuse what they are given.
    errors: tuple[type[Exception], ...] = ()

    @staticmethod
    def calls_before() -> int:
        """Returns how many calls of one form run before it is recorded."""
        return CALLS_BEFORE

    def is_usable(self, tensors: list[Any]) -> bool:
        """Whether a call with these tensors can be recorded."""
        return (
            bool(tensors)
            and all(x.is_cuda for x in tensors)
            and len({x.device for x in tensors}) == 1
            and not torch.compiler.is_compiling()
            and not torch.cuda.is_current_stream_capturing()
        )

    def record(
        self, function: Callable[[], Any], device: Any, inputs: Sequence[Any] = ()
    ) -> tuple[Any, Any, Callable[[], None]]:
        """Runs `function` once on a stream of its own, then records it, which computes nothing.

        Returns the outputs of the run, those whose memory each replay writes anew, and the replay.
        A recording that fails is the error of a `NotRecorded`, with the outputs of the run.
        """
        constants = Constants()
        with torch.cuda.device(device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side), constants.gathering():
                first = function()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph), constants.giving():
                    outputs = function()
            except Exception as error:
                raise NotRecorded(first) from error

        def replay(kept: Any = constants) -> None:  # what a recording reads must not go
            graph.replay()

        return first, outputs, replay


class NotRecorded(Exception):
    """A call that ran and could not be recorded: why is its cause."""

    def __init__(self, outputs: Any) -> None:
        super().__init__()
        self.outputs = outputs


class GraphedFunction:
    """`function(*args, **kwargs)` of tensors, replayed where a call has the form of earlier ones.

    Results are the caller's own: each call copies its inputs in and its outputs out. An argument
    that is consumed is not copied where it comes from the call before, as a cache does that a
    function writes to and gives back. A recording is dropped when a weight lies elsewhere than when
    it was made. A form that cannot be recorded runs eagerly; `failures` says why.

    Args:
        function: what is called; without effects beside its results and its consumed arguments.
        weights: a callable that gives the native tensors that the function reads.
        driver: what records, or several such, of which the first that can is asked; CUDA's if None.
        consumed: places of arguments that the caller does not use again.
        hooked: tells whether the function has effects now, which a recording would lose.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        weights: Callable[[], list[Any]],
        driver: Any = None,
        consumed: Sequence[int] = (),
        hooked: Callable[[], bool] | None = None,
    ) -> None:
        self._function, self._weights = function, weights
        drivers = CudaDriver() if driver is None else driver
        self._drivers = drivers if isinstance(drivers, tuple) else (drivers,)
        self._consumed, self._hooked = tuple(consumed), hooked
        self._calls: dict[Any, int] = {}
        self._graphs: OrderedDict[Any, _Recording] = OrderedDict()
        self.failures: dict[Any, str] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, form = split((args, kwargs))
        tensors = [x for x in leaves if isinstance(x, torch.Tensor)]
        driver = next((one for one in self._drivers if one.is_usable(tensors)), None)
        if driver is None or (self._hooked is not None and self._hooked()):
            return self._function(*args, **kwargs)
        key = (form, tuple(map(_description, leaves)))
        if key in self.failures:
            return self._function(*args, **kwargs)
        weights = self._weights()
        found = self._graphs.get(key)
        if found is not None and not found.fits(weights):
            del self._graphs[key]
            found = None
        if found is None:
            count = self._calls[key] = self._calls.get(key, 0) + 1
            if count <= driver.calls_before():
                return self._function(*args, **kwargs)
            given = {id(x) for i in self._consumed for x in split(args[i])[0]}
            return self._record(driver, key, leaves, form, weights, given)
        self._graphs.move_to_end(key)
        if not found.lock.acquire(blocking=False):  # another thread replays it
            return self._function(*args, **kwargs)
        try:
            if found.is_free(tensors):  # else two callers by turns: one of them goes without
                return found.replay(tensors)
        except driver.errors:
            pass  # what is wrong with the arguments is said by the function itself, below
        finally:
            found.lock.release()
        return self._function(*args, **kwargs)

    def forget(self) -> None:
        """Drops all recordings: what the function does beside its arguments has changed."""
        self._graphs.clear()
        self._calls.clear()
        self.failures.clear()

    def _record(
        self,
        driver: Any,
        key: Any,
        leaves: list[Any],
        form: Any,
        weights: list[Any],
        consumed: set[int],
    ) -> Any:
        """The outputs of a call, which is recorded for those that follow."""
        try:
            made = _Recording(self._function, leaves, form, weights, driver, consumed)
        except NotRecorded as failed:
            reason = failed.__cause__
            if isinstance(reason, torch.OutOfMemoryError):
                self._calls[key] = 0  # there may be room another time: the count starts anew
            else:
                # What the call does cannot be recorded, as reading a size back.
                self.failures[key] = str(reason).partition("\n")[0]
            return failed.outputs
        self._graphs[key] = made
        while len(self._graphs) > MAX_GRAPHS:
            oldest, _ = self._graphs.popitem(last=False)
            self._calls[oldest] = 0
        return made.first()


class _Recording:
    """One recorded call: tensors that stand for its inputs, and its outputs.

    What is consumed lends its own memory, and results that lie in it are handed out as they are.
    """

    def __init__(
        self,
        function: Any,
        leaves: list[Any],
        form: Any,
        weights: list[Any],
        driver: Any,
        consumed: set[int],
    ) -> None:
        given = [x for x in leaves if isinstance(x, torch.Tensor)]
        lent = {_place(x): i for i, x in enumerate(given) if id(x) in consumed and x.numel()}
        # `detach`: another object for the same memory, so that the caller's can be seen to be gone.
        self._inputs = [x.detach() if id(x) in consumed else x.clone() for x in given]
        standing = iter(self._inputs)
        filled = [next(standing) if isinstance(x, torch.Tensor) else x for x in leaves]

        def run() -> Any:
            args, kwargs = form.join(filled)
            return function(*args, **kwargs)

        self.lock = threading.Lock()
        first, self._outputs, self._replay = driver.record(
            run, self._inputs[0].device, self._inputs
        )
        self._watches = driver.watches_versions
        self._places = [(x, x.data_ptr(), self._version(x)) for x in weights]
        # Outputs that lie in an input's memory, and the places of those inputs.
        self._lent = {id(x): lent[_place(x)] for x in split(self._outputs)[0] if _place(x) in lent}
        self._out = {i: weakref.ref(given[i]) for i in self._lent.values()}

        def handed(x: Any) -> Any:
            return given[lent[_place(x)]] if _place(x) in lent else x

        # The run's own outputs, with the caller's objects for what lies in their memory.
        self._first = map_structure(handed, first)

    def first(self) -> Any:
        """Returns the outputs of the call that was recorded, once."""
        outputs, self._first = self._first, None
        return outputs

    def fits(self, weights: list[Any]) -> bool:
        """Whether the weights lie where they lay when the call was recorded."""
        return len(weights) == len(self._places) and all(
            x is y and x.data_ptr() == place and self._version(x) == version
            for x, (y, place, version) in zip(weights, self._places, strict=True)
        )

    def _version(self, x: Any) -> int:
        """How often a weight was written to, where that counts and torch tells."""
        return x._version if self._watches and not x.is_inference() else 0

    def is_free(self, tensors: list[Any]) -> bool:
        """Whether no caller but this one holds what was handed out."""
        return all(ref() is None or ref() is tensors[i] for i, ref in self._out.items())

    def replay(self, tensors: list[Any]) -> Any:
        mine, given = [], []
        for place, (standing, x) in enumerate(zip(self._inputs, tensors, strict=True)):
            if place not in self._out or self._out[place]() is None:
                mine.append(standing)
                given.append(x)
        if mine:
            torch._foreach_copy_(mine, given)
        self._replay()
        return map_structure(self._handed_out, self._outputs)

    def _handed_out(self, x: Any) -> Any:
        place = self._lent.get(id(x))
        if place is None:
            return _own(x)
        handed = self._out[place]()
        if handed is None:
            handed = self._inputs[place].detach()
            self._out[place] = weakref.ref(handed)
        return handed


def _place(x: Any) -> Any:
    """What two tensors share that are one in memory."""
    return (x.data_ptr(), x.shape, x.stride(), x.dtype) if isinstance(x, torch.Tensor) else None


def _own(x: Any) -> Any:
    """A result with memory of its own: the next replay writes the recording's anew."""
    return x.clone() if isinstance(x, torch.Tensor) else x


def _description(x: Any) -> Any:
    """What of an argument decides whether a recording fits: a tensor's form, or the value."""
    if isinstance(x, torch.Tensor):
        return tuple(x.shape), x.dtype, x.device, x.stride()
    return type(x), x
