"""What derived kernels stand on: the contract, and each other."""

from typing import TYPE_CHECKING, Any

from ..contract import Kernels

if TYPE_CHECKING:

    class Primitives(Kernels):
        """The kernels of the contract, and those that another derived class adds."""

        def __getattr__(self, name: str) -> Any: ...

else:

    class Primitives:
        """Base of all derived kernels; a backend has the primitives."""
