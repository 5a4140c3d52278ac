"""Hooks of programs: tracing, differentiation, compilation, weights, devices."""

from collections.abc import Callable
from typing import Any, Protocol

from ...typing import Tensor


class Programs(Protocol):
    """What a backend does with functions of tensors, and with the tensors of variables."""

    def abstract(self, function: Callable[..., Any], given: Any) -> Any:
        """Gives the Specs of a function's results for Specs of its arguments."""
        ...

    def static_value(self, x: Tensor, imagined: Any) -> Any:
        """Gives the value of a scalar; None if only a traced program will know it."""
        ...

    def value_and_grad(self, function: Callable[..., Any], leaves: list[Tensor]) -> Any:
        """Gives value, other results, and gradients of a function's scalar by its leaves."""
        ...

    def vjp(self, function: Callable[..., Any], leaves: list[Tensor]) -> Any:
        """Gives results, other results, and the function that pulls cotangents back."""
        ...

    def jvp(self, function: Callable[..., Any], leaves: Any, tangents: Any) -> Any:
        """Gives results, other results, and the results' tangents."""
        ...

    def custom_gradient(self, function: Callable[..., Any], leaves: list[Tensor]) -> list[Tensor]:
        """Gives the results of a function that gives its own pull of cotangents."""
        ...

    def recomputed(
        self, function: Callable[..., Any], given: list[Tensor], held: dict[int, Tensor]
    ) -> list[Tensor]:
        """Gives the results of `function(given, held)`, which is called again for the gradient."""
        ...

    def vmap(self, function: Callable[..., Any], leaves: list[Tensor]) -> list[Tensor]:
        """Maps a function over the first axis of its leaves."""
        ...

    def jit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compiles a function of tensors."""
        ...

    def feed(self, x: Any) -> Any:
        """Gives a NumPy array as a step's program takes it the fastest."""
        ...

    def step(
        self, function: Callable[..., Any], variables: list[Any], compiled: bool
    ) -> Callable[..., Any]:
        """Makes one program of a function of tensors that reads and assigns variables."""
        ...

    def recorded_step(
        self,
        function: Callable[..., Any],
        variables: list[Any],
        model: Any,
        changed: Callable[[], bool],
    ) -> Callable[..., Any]:
        """Makes a recording of a step, where a device has such, until settings have `changed`."""
        ...

    def inference_function(self, target: Any) -> Callable[..., Any]:
        """Compiles the call of a `MethodTarget` without gradients."""
        ...

    def make_value(
        self, array: Any, dtype: str, trainable: bool, memory_format: str | None
    ) -> Tensor:
        """Makes the native tensor of a variable from a NumPy array, which is copied."""
        ...

    def adopt_value(
        self, array: Any, dtype: str, trainable: bool, memory_format: str | None
    ) -> Tensor:
        """Makes the native tensor of a variable, in the array's own memory where it can."""
        ...

    def advance(self, box: Tensor) -> Tensor | None:
        """Gives the key of a seed generator's state, which goes on by one draw; may give None."""
        ...

    def set_value(self, box: Tensor, value: Tensor) -> Tensor:
        """Puts a value into a variable's tensor; gives the tensor that now holds it."""
        ...

    def device(self, kind: str, index: int | None) -> Any:
        """Gives a context in which tensors are made on a device."""
        ...

    def seed(self, seed: int) -> None:
        """Sets the framework's own seed."""
        ...
