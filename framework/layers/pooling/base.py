"""What the pooling layers share."""

from collections.abc import Callable
from typing import Any, ClassVar

from ...core.input_spec import InputSpec
from .. import windows
from ..weighted import WeightedLayer


class Pooling(WeightedLayer):
    """Base of the pooling layers: no weights, and inputs of a batch, `rank` spatial axes and
    channels."""

    rank: int = 0
    # The op that does the work.
    pool: ClassVar[Callable[..., Any]]

    def _set_format(self, data_format: Any) -> None:
        self.data_format = windows.data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
