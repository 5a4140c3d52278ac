"""The forms in which libraries build the same image classifier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

FORMS = ("keras", "tensorflow", "torch")


class Form(NamedTuple):
    """Where libraries differ in the same network.

    Args:
        library: "keras": as in `keras.applications`, which scale pixels where Keras's network does.
            "torch": as in torchvision and timm. Pixels are prepared before the network, every
            normalization has a factor, and a window that steps by 2 has as many zeros in front as
            behind. "tensorflow": as timm ports TensorFlow's weights, which is "torch" but for such
            windows: their borders are TensorFlow's "same", and what is odd goes behind.
        epsilon: of all batch normalizations; None for what the network has in Keras.
        batch_norm: whether VGG has a normalization behind each convolution.
    """

    library: str = "keras"
    epsilon: float | None = None
    batch_norm: bool = False

    @property
    def of_keras(self) -> bool:
        """Whether the network is built as in Keras."""
        return self.library == "keras"


_KERAS = Form()
_form = ContextVar("form", default=_KERAS)


def form() -> Form:
    """Returns the form in use."""
    return _form.get()


@contextmanager
def use_form(used: Form) -> Iterator[None]:
    """Has the calls below build networks in a form, inside the block."""
    token = _form.set(used)
    try:
        yield
    finally:
        _form.reset(token)
