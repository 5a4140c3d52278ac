"""Transforms of functions where a backend has none: of flat lists of tensors, like `control`."""

from typing import Any

from .primitives import Primitives

_NO_GRADIENTS = (
    "The {} backend is for inference and gives no gradients. Move the model with "
    'model.to_backend("jax"), "torch" or "tensorflow".'
)


class Transforms(Primitives):
    """What a backend without differentiation and compilation does."""

    def value_and_grad(self, function, leaves) -> Any:
        """(value, others, gradients), where `function(*leaves)` gives a scalar and others."""
        raise RuntimeError(_NO_GRADIENTS.format(self.name))

    def loss_and_gradients(self, function, variables, states=()) -> Any:
        """(loss, others, gradients by `variables`), where `function()` gives a loss and others.

        `function` reads the variables themselves, so that what the framework hangs on them (hooks
        of DDP and FSDP, tapes) sees it. `states` are variables that it may assign, such as moving
        statistics and seeds; they have their new values afterwards. The gradient by a
        variable that the loss does not depend on is zero.
        """
        raise RuntimeError(_NO_GRADIENTS.format(self.name))

    def vjp(self, function, leaves) -> Any:
        """(results, others, pull), where `function(*leaves)` gives lists of results and others.

        `pull` takes a cotangent for each result and gives a gradient for each leaf; for complex
        ones it is the conjugate that leads uphill, so that a gradient can be subtracted.
        """
        raise RuntimeError(_NO_GRADIENTS.format(self.name))

    def jvp(self, function, leaves, tangents) -> Any:
        """(results, others, tangents of the results)."""
        raise RuntimeError(_NO_GRADIENTS.format(self.name))

    def custom_gradient(self, function, leaves) -> Any:
        """The results, where `function(*leaves)` gives them and their `pull`, as in `vjp`."""
        return function(*leaves)[0]

    def recomputed(self, function, given, held) -> Any:
        """The tensors that `function(given, held)` gives; it is called again for their gradient.

        `held` has the stand-ins of variables by their ids. The function may return more or other
        tensors than those it is given for, but the same at each call.
        """
        return function(given, held)

    def vmap(self, function, leaves) -> Any:
        """`function` of the rows of all `leaves`, its results stacked."""
        rows = zip(*(self.rows(x) for x in leaves), strict=True)
        results = [function(*row) for row in rows]
        return [self.stack(list(ys), 0) for ys in zip(*results, strict=True)]

    def jit(self, function) -> Any:
        """`function`, compiled where the backend has a compiler."""
        return function

    def feed(self, x) -> Any:
        """A NumPy array of a batch as a step's program takes it the fastest."""
        return self.asarray(x)

    def step(self, function, variables, compiled) -> Any:
        """`function`, which reads and assigns `variables`, as one program where there are such.

        Its arguments and results are nested tensors. `compiled` asks for the backend's strongest
        compiler where there is a choice.
        """
        return function

    def recorded_step(self, function, variables, model, changed) -> Any:
        """A step without effects beside the variables, as a recording where a device has such."""
        return function
