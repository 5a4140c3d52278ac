"""The two-way table between a foreign config file and the arguments of a model.

A row names one key of the file. `ConfigTable.read` turns a parsed config.json into our arguments,
`ConfigTable.write` turns our arguments into a config that the origin's own library reads. A key
that no row and no list names is an error: it may change what the network computes.

    BERT = ConfigTable(
        "BERT",
        Argument("hidden_size", "hidden_dim", COUNT),
        Argument("hidden_act", "activation", default="gelu", values=("gelu", "relu")),
        Fixed("is_decoder", False),
        irrelevant=("initializer_range",),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .errors import HubError

Config = Mapping[str, Any]


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()
"""Stands for the default of a key that the file must have."""


@dataclass(frozen=True)
class Kind:
    """What values a key may have: a test, and the words for it in an error."""

    accepts: Callable[[Any], bool]
    words: str


# A model of more is no model, and building it would not end.
MAX_DEPTH, MAX_SIZE, MAX_NUMBER = 10_000, 2**31 - 1, 1e300


def _is_count(value: Any, most: int = MAX_SIZE) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _are_counts(value: Any, most: int = MAX_SIZE) -> bool:
    found = isinstance(value, list | tuple) and 0 < len(value) <= MAX_DEPTH
    return found and all(_is_count(one, most) for one in value)


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= MAX_NUMBER


COUNT = Kind(_is_count, "a positive whole number")
LAYER_COUNT = Kind(
    lambda value: _is_count(value, MAX_DEPTH), f"a whole number from 1 to {MAX_DEPTH}"
)
COUNTS = Kind(_are_counts, "a list of positive whole numbers")
LAYER_COUNTS = Kind(
    lambda value: _are_counts(value, MAX_DEPTH), f"a list of whole numbers from 1 to {MAX_DEPTH}"
)
NUMBER = Kind(_is_number, "a number, not negative")
FLAG = Kind(lambda value: isinstance(value, bool), "true or false")
ANY = Kind(lambda value: True, "anything")


@dataclass(frozen=True)
class Argument:
    """A key that becomes an argument of the model.

    Args:
        key: in the file.
        name: of our argument.
        kind: what values it may have.
        default: what the origin takes when the key is absent or null; it need not be in `values`.
        values: the values that are supported; a mapping gives ours for each of theirs, a callable
            returns either when a file is first read.
    """

    key: str
    name: str
    kind: Kind = ANY
    default: Any = REQUIRED
    values: Mapping[Any, Any] | Sequence[Any] | Callable[[], Any] | None = None

    def table(self) -> dict[Any, Any] | None:
        """Their value -> ours, or None where any value will do and stays what it is."""
        values = self.values() if callable(self.values) else self.values
        if values is None or isinstance(values, Mapping):
            return None if values is None else dict(values)
        return {value: value for value in values}


@dataclass(frozen=True)
class Fixed:
    """A key for which one value is supported, which is also the origin's default."""

    key: str
    value: Any


@dataclass(frozen=True)
class Same:
    """A key that must have the same value as another one; where it is absent, it has."""

    key: str
    other: str


Row = Argument | Fixed | Same
Arguments = dict[str, Any]


class ConfigTable:
    """The rows of one kind of config file.

    Args:
        subject: what the file describes, for errors, such as "BERT".
        rows: one for each key that matters.
        irrelevant: keys that do not change what the network computes.
        constants: what `write` puts into every file.
        file: the file's name in a preset.
        finish: brings what the rows read into the form of the model's arguments.
        undo: the reverse of `finish`.
    """

    def __init__(
        self,
        subject: str,
        *rows: Row,
        irrelevant: Iterable[str] = (),
        constants: Mapping[str, Any] | None = None,
        file: str = "config.json",
        finish: Callable[[Arguments], Arguments] = dict,
        undo: Callable[[Arguments], Arguments] = dict,
    ) -> None:
        self.subject, self.rows, self.file = subject, rows, file
        self.irrelevant = frozenset(irrelevant)
        self.constants = dict(constants or {})
        self._finish, self._undo = finish, undo
        keys = [row.key for row in rows]
        twice = {key for key in keys if keys.count(key) > 1 or key in self.irrelevant}
        if twice:
            raise ValueError(f"{subject}'s config table names twice: {', '.join(sorted(twice))}")

    def read(self, config: Config, ignore: Iterable[str] = ()) -> Arguments:
        """Returns our arguments for a parsed config file.

        Args:
            config: the parsed file.
            ignore: keys to pass over, whatever they say.

        Raises:
            HubError: a key is missing, has a value that is not supported, or is not known. All
                such keys are named at once.
        """
        ignored = frozenset(ignore)
        given = {k: v for k, v in config.items() if v is not None and k not in ignored}
        problems: list[str] = []
        found: Arguments = {}
        for row in self.rows:
            if isinstance(row, Argument):
                self._read_argument(row, given, found, problems)
            elif isinstance(row, Fixed):
                value = given.get(row.key, row.value)
                if value != row.value or isinstance(value, bool) != isinstance(row.value, bool):
                    problems.append(f"{row.key} is {_short(value)}; supported: {_short(row.value)}")
            elif given.get(row.key, given.get(row.other)) != given.get(row.other):
                problems.append(
                    f"{row.key} is {_short(given[row.key])} and {row.other} "
                    f"{_short(given.get(row.other))}; supported: equal values"
                )
        known = {row.key for row in self.rows} | self.irrelevant | self.constants.keys()
        problems += [
            f"{key} is {_short(given[key])}, a key that is not known here: it may change what the "
            "network computes"
            for key in given
            if key not in known
        ]
        if problems:
            raise HubError(
                f"{self.file} describes a network that {self.subject} here cannot be:\n  - "
                + "\n  - ".join(problems)
                + "\nIf a key named above does not matter for this model, pass "
                "ignore_keys=[...] to from_preset, or remove it from the file."
            )
        return self._finish(found)

    def _read_argument(
        self, row: Argument, given: Config, found: Arguments, problems: list[str]
    ) -> None:
        if row.key not in given:
            if row.default is REQUIRED:
                problems.append(f"{row.key} is missing; expected: {row.kind.words}")
            else:
                found[row.name] = _translated(row, row.default)
            return
        value = given[row.key]
        table = row.table()
        if table is not None and not (isinstance(value, str | int | float) and value in table):
            names = ", ".join(map(_short, table))
            problems.append(f"{row.key} is {_short(value)}; supported: {names}")
        elif not row.kind.accepts(value):
            problems.append(f"{row.key} is {_short(value)}; supported: {row.kind.words}")
        else:
            found[row.name] = _translated(row, value)

    def write(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the config file for a model of these arguments; the reverse of `read`.

        Raises:
            HubError: the file has no key for an argument, or no word for its value.
        """
        ours = {k: v for k, v in self._undo(dict(arguments)).items() if v is not None}
        rows = {row.name: row for row in self.rows if isinstance(row, Argument)}
        problems = [f"{name}={_short(ours[name])}: no key" for name in ours if name not in rows]
        config = dict(self.constants)
        for name, row in rows.items():
            if name not in ours:
                if row.default is REQUIRED:
                    problems.append(f"{name} is not given")
                continue  # the origin's default is ours too
            table = row.table()
            theirs = (
                [ours[name]]
                if table is None
                else [key for key, value in table.items() if value == ours[name]]
            )
            if not theirs:
                problems.append(f"{name}={_short(ours[name])}: {row.key} has no such value")
                continue
            value = list(theirs[0]) if isinstance(theirs[0], tuple) else theirs[0]
            if table is None and not row.kind.accepts(value):  # it could not be read again
                problems.append(f"{name}={_short(value)}: {row.key} is {row.kind.words}")
            config[row.key] = value
        if problems:
            raise HubError(
                f"{self.file} cannot describe this {self.subject}:\n  - " + "\n  - ".join(problems)
            )
        for row in self.rows:
            if isinstance(row, Same) and row.other in config:
                config[row.key] = config[row.other]
        return config


def settings_table(
    subject: str, required: Iterable[str], optional: Iterable[str] = ()
) -> Callable[..., Arguments]:
    """Returns a reader for layouts whose files do not say the sizes: the preset's settings must.

    Args:
        subject: what the files hold, for errors.
        required: arguments of the model that the settings must have.
        optional: arguments that they may have; other settings are not the model's.
    """
    needed = tuple(required)
    names = (*needed, *optional)

    def read(files: Mapping[str, Config], settings: Mapping[str, Any]) -> Arguments:
        missing = [name for name in needed if name not in settings]
        if missing:
            raise HubError(
                f"{subject}'s files do not say how large the network is: give "
                f"{', '.join(missing)} in the preset's settings."
            )
        return {name: settings[name] for name in names if name in settings}

    return read


def _translated(row: Argument, value: Any) -> Any:
    table = row.table()
    return value if table is None else table.get(value, value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
