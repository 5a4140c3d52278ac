"""Which target, weight, loss or metric belongs to which output of a model."""

from collections.abc import Sequence
from typing import Any


def is_nested(x: Any) -> bool:
    """Returns whether `x` is a dict, a list or a tuple."""
    return isinstance(x, dict | list | tuple)


def shape_of(x: Any) -> Any:
    """Returns `x` with "*" in the place of each leaf, for messages."""
    if isinstance(x, dict):
        return {key: shape_of(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(map(shape_of, x)) if type(x) in (list, tuple) else [*map(shape_of, x)]
    return "*"


class Outputs:
    """The outputs of a model, in one order, each with its path and its name.

    Args:
        outputs: what the model returned: a tensor, or a nested structure of tensors.
        names: a name for each output, in the order of the structure; None if there are none.

    Attributes:
        paths: the keys and indices that lead to each output.
        names: the name of each; None where it has none.
        given_names: those that were given.
    """

    def __init__(self, outputs: Any, names: Sequence[str] | None = None) -> None:
        self.structure = outputs
        self.paths = [path for path, _ in _walk(outputs, (), tuple(names or ()))]
        if isinstance(outputs, dict) and names and set(names) == set(outputs):
            # The model's order, where its names are the keys.
            self.paths = [(name,) for name in names]
        given: list[str | None] = list(names or ())
        if len(given) != len(self.paths):
            given = [None] * len(self.paths)
        self.given_names = given
        self.names: list[str | None] = [
            "/".join(map(str, path)) if any(isinstance(key, str) for key in path) else name
            for path, name in zip(self.paths, given, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.paths)

    def of(self, y: Any) -> list[Any]:
        """Returns the tensors of a structure like the outputs, in their order."""
        return [at(y, path) for path in self.paths]

    def packed(self, items: Sequence[Any]) -> Any:
        """Returns one thing for each output in the structure of the outputs."""
        return _placed(self.structure, (), dict(zip(self.paths, items, strict=True)))

    def align(self, given: Any, what: str, several: bool = False) -> list[Any]:
        """Returns what of `given` belongs to each output; None where there is nothing.

        Args:
            given: something for each output: nested like the outputs, or a list in their order, or
                a dict by their names, which may leave some out. For one output it may be the thing
                itself.
            what: what is given, for messages.
            several: whether an output may have a list of them.

        Raises:
            KeyError: a name that no output has.
            ValueError: another number of items than of outputs.
        """
        found: dict[tuple, Any] = dict.fromkeys(self.paths)
        self._align(given, self.structure, (), found, what, several)
        return [found[path] for path in self.paths]

    def _align(
        self, given: Any, outputs: Any, path: tuple, found: dict, what: str, several: bool
    ) -> None:
        if given is None:
            return
        if not is_nested(outputs):
            found[path] = self._single(given, path, what, several)
            return
        keys = [*outputs] if isinstance(outputs, dict) else [*range(len(outputs))]
        if isinstance(given, dict):
            by_name = self._keys_by_name(keys, path, outputs)
            for key, item in given.items():
                if key not in by_name:
                    raise self._unknown((*path, key), [*by_name] or keys, outputs, given, what)
                at_key = by_name[key]
                self._align(item, outputs[at_key], (*path, at_key), found, what, several)
            return
        items = list(given) if isinstance(given, list | tuple) else [given]
        if len(items) != len(keys):
            where = f" at {path}" if path else ""
            raise ValueError(
                f"`{what}` must fit the model's outputs, of which there are {len(keys)}{where}: "
                f"{shape_of(outputs)}. Received {len(items)}: {what}={shape_of(given)}. Give a "
                "list in their order, or a dict by their names."
            )
        order = [p[len(path)] for p in self.paths if p[: len(path)] == path]
        order = list(dict.fromkeys(order))
        for key, item in zip(order, items, strict=True):
            self._align(item, outputs[key], (*path, key), found, what, several)

    def _unknown(
        self, path: tuple, names: list[Any], outputs: Any, given: dict[Any, Any], what: str
    ) -> Exception:
        """The error for a name in `given` that no output has."""
        if isinstance(outputs, dict):
            return KeyError(
                f"The path: {path} in the `{what}` argument, can't be found in either the model's "
                f"output (`y_pred`) or in the labels (`y_true`); the outputs are {names}."
            )
        if len(path) == 1 and any(self.given_names):
            return ValueError(
                f"Expected keys {names} in {what} dict, but found {what}.keys()={[*given]}"
            )
        return KeyError(
            f"The path: {path} in the `{what}` argument, can't be found in the model's output "
            f"(`y_pred`), whose names are {names}."
        )

    def _keys_by_name(self, keys: list[Any], path: tuple, outputs: Any) -> dict[Any, Any]:
        """Name or key -> key of the outputs at a path: lists go by the names of the model's."""
        if isinstance(outputs, dict):
            return {key: key for key in keys}
        if path:
            return {}
        return {n: p[0] for p, n in zip(self.paths, self.names, strict=True) if n and len(p) == 1}

    def _single(self, given: Any, path: tuple, what: str, several: bool) -> Any:
        """What belongs to one output, out of what was given at its place."""
        if isinstance(given, dict):
            name = self.names[self.paths.index(path)]
            if len(given) != 1 or (name is not None and name not in given):
                expected = [] if name is None else [name]
                raise ValueError(
                    f"Expected keys {expected} in {what} dict, but found {what}.keys()="
                    f"{[*given]}: the model's output there is one tensor."
                )
            given = next(iter(given.values()))
        if isinstance(given, list | tuple) and not several:
            if len(given) != 1:
                raise ValueError(
                    f"`{what}` has {len(given)} items for one output: {shape_of(given)}. Give one "
                    "for each output of the model."
                )
            return given[0]
        return given


def _walk(x: Any, path: tuple, names: tuple) -> list[tuple[tuple, Any]]:
    if isinstance(x, dict):
        # In the order of the model's names, else sorted, as `isozoo.tree` does.
        keys = sorted(x) if all(isinstance(key, str) for key in x) else list(x)
        return [pair for key in keys for pair in _walk(x[key], (*path, key), names)]
    if isinstance(x, list | tuple):
        return [pair for i, item in enumerate(x) for pair in _walk(item, (*path, i), names)]
    return [(path, x)]


def at(x: Any, path: tuple) -> Any:
    """Returns what stands at the end of a path of keys and indices."""
    for key in path:
        x = x[key]
    return x


# Outside of the method: a function in it that calls itself would keep the tensors in a circle.
def _placed(x: Any, path: tuple, found: dict[tuple, Any]) -> Any:
    if isinstance(x, dict):
        return {key: _placed(value, (*path, key), found) for key, value in x.items()}
    if isinstance(x, list | tuple):
        made = [_placed(value, (*path, number), found) for number, value in enumerate(x)]
        return type(x)(*made) if hasattr(x, "_fields") else type(x)(made)
    return found[path]
