"""Every public op: one function, one docstring, one dtype rule, on every backend."""

from .arrays import *  # noqa: F403
from .dispatch import BackendMismatchError as BackendMismatchError
from .elementwise import *  # noqa: F403
from .nn import *  # noqa: F403
from .programs import *  # noqa: F403
from .reductions import *  # noqa: F403
