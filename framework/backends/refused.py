"""Operators that a format lacks, and the layers that they come from."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from ..context import entered

# Characters of a converter's own words that are told.
MOST = 600


class OperatorError(RuntimeError):
    """A converter has no form for some operators of a model.

    Attributes:
        operators: their names, as the framework that the model was traced in has them.
    """

    def __init__(self, message: str, operators: Iterable[str]) -> None:
        super().__init__(message)
        self.operators = frozenset(operators)


def refused(message: str, error: BaseException, pattern: str) -> RuntimeError:
    """Returns the error of a converter, with the operators that a pattern finds in what it said.

    Args:
        message: what cannot be done.
        error: the converter's, with those that it was raised from.
        pattern: a regular expression whose group is the name of an operator.
    """
    text, cause = "", error
    while cause is not None:
        text += f"{cause}\n"
        cause = cause.__cause__ or cause.__context__
    operators = sorted(set(re.findall(pattern, text)))
    lacking = f": it has no form for {', '.join(operators)}" if operators else ""
    # Converters tell the whole program.
    words = " ".join(str(error).split())
    words = words if len(words) <= MOST else f"{words[:MOST]} …"
    return OperatorError(f"{message}{lacking}. It says: {words}", operators)


def first_layer(trace: Callable[[], Any], holds: Callable[[], bool]) -> Any:
    """Returns the layer after whose call something holds first; None if it never does.

    A layer's inner layers are called before it has ended, so it is the innermost one.

    Args:
        trace: calls a model.
        holds: is asked after the call of each layer.
    """
    found: list[Any] = []

    def look(layer: Any, outputs: Any) -> None:
        if not found and holds():
            found.append(layer)

    with entered(observer=look), suppress(Exception):  # why it fails has been told already
        trace()
    return found[0] if found else None
