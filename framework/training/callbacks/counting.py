"""Counting batches across epochs and groups of batches."""


class Every:
    """Tells every n-th batch, though several batches may be reported as one.

    Args:
        frequency: "epoch" for never, or after how many batches.

    Attributes:
        counted: batches since the last time.
        last: the number of the last batch in its epoch; -1 before the first.
    """

    def __init__(self, frequency: int | str) -> None:
        self.frequency = frequency
        self.counted = 0
        self.last = -1

    def is_due(self, batch: int) -> bool:
        """Notes that the batch of this number, and those before it in the epoch, are done."""
        if not isinstance(self.frequency, int) or not self.frequency:
            return False
        if batch <= self.last:  # another epoch
            self.last = -1
        self.counted += batch - self.last
        self.last = batch
        if self.counted < self.frequency:
            return False
        self.counted = 0
        return True


def checked_frequency(frequency: int | str) -> int | str:
    """Returns "epoch" or a number of batches. ValueError for something else."""
    if frequency != "epoch" and not isinstance(frequency, int):
        raise ValueError(
            f"Unrecognized save_freq: {frequency!r}. Invalid value for argument `save_freq`: "
            "expected save_freq are 'epoch' or integer values."
        )
    return frequency
