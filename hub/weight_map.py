"""The two-way table between the tensor names of a foreign file and our variable paths.

A row reads `Row(foreign, ours, transform)`. Names are templates: a hole of one letter, `{i}`,
stands for a whole number (`{i+1}` for that number plus one, `{i:a}` for its letter, a for 0), a
longer one, `{name}`, for letters, digits and underscores, and `{rest*}` for anything, even nothing.
The first row that matches a key is the one that counts, so special rows stand before general ones.

    BERT = WeightMap(
        Row("embeddings.word_embeddings.weight", "embeddings.word.embeddings"),
        Row("encoder.layer.{i}.attention.self.query.weight",
            "encoder.layers.{i}.attention.query.kernel", transpose),
        Row(("{rest*}.LayerNorm.weight", "{rest*}.LayerNorm.gamma"), "{rest*}.norm.gamma"),
        Row("pooler.dense.weight", "pooler.kernel", transpose, optional=True),
        Row("embeddings.position_ids", None),
        Row("cls.predictions.decoder.weight", "embeddings.word.embeddings",
            tied=True, prefixed=False, optional=True),
        prefixes=("bert.", ""),
    )

`hub.weights.load` reads the table forward, `hub.exporting.export` backward.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .transforms import Chain, Transform

Binding = tuple[tuple[str, "int | str"], ...]


class _Zero:
    def __repr__(self) -> str:
        return "ZERO"


ZERO: Final = _Zero()
"""Stands among a row's `ours` for a part that must be all zeros and has no variable."""

_HOLE = re.compile(r"\{([a-z_]+)(?:([+-])([0-9]+))?(\*|:a)?\}")
_FORMS = {"number": "0|[1-9][0-9]{0,8}", "letter": "[a-z]", "word": "[A-Za-z0-9_]+", "rest": ".*"}


class _Hole(NamedTuple):
    name: str
    kind: str  # of _FORMS
    added: int  # to the number

    def read(self, text: str) -> int | str:
        """Returns what the hole stands for where a name has this text."""
        if self.kind == "number":
            return int(text) - self.added
        return ord(text) - ord("a") if self.kind == "letter" else text

    def write(self, value: int | str) -> str:
        """Returns the text for what the hole stands for."""
        if not isinstance(value, int):
            return value
        return chr(ord("a") + value) if self.kind == "letter" else str(value + self.added)


def _hole(found: re.Match[str], text: str) -> _Hole:
    name, sign, amount, mark = found.groups()
    kind = "rest" if mark == "*" else "letter" if mark else "number" if len(name) == 1 else "word"
    if (amount and kind != "number") or (kind == "letter" and len(name) > 1):
        raise ValueError(f"{text!r}: only a hole of one letter stands for a number")
    return _Hole(name, kind, int(f"{sign or '+'}{amount or 0}"))


class Template:
    """A name with holes; see the module's docstring for their kinds.

    Raises:
        ValueError: a brace does not belong to a hole.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts: list[str | _Hole] = []  # literal text and holes
        pattern, at = "", 0
        seen: dict[str, int] = {}
        for found in _HOLE.finditer(text):
            literal, hole = text[at : found.start()], _hole(found, text)
            seen[hole.name] = seen.get(hole.name, 0) + 1
            group = f"(?P<{hole.name}__{seen[hole.name]}>{_FORMS[hole.kind]})"
            pattern += re.escape(literal) + group
            self._parts += [literal, hole]
            at = found.end()
        if "{" in (rest := _HOLE.sub("", text)) or "}" in rest:
            raise ValueError(f"{text!r}: a brace that is not part of a hole")
        self._parts.append(text[at:])
        self._pattern = re.compile(pattern + re.escape(text[at:]))
        self._holes = [part for part in self._parts if isinstance(part, _Hole)]
        self._start = text.split("{", 1)[0]
        self.holes = frozenset(seen)

    def match(self, text: str) -> Binding | None:
        """Returns what the holes stand for in `text`, or None when it does not match."""
        if not text.startswith(self._start):
            return None
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        binding: dict[str, int | str] = {}
        for hole, value in zip(self._holes, found.groups(), strict=True):
            meant = hole.read(value)
            if isinstance(meant, int) and meant < 0:
                return None
            if binding.setdefault(hole.name, meant) != meant:
                return None
        return tuple(sorted(binding.items()))

    def fill(self, binding: Binding) -> str:
        """Returns the name with its holes filled."""
        values = dict(binding)
        return "".join(
            part if isinstance(part, str) else part.write(values[part.name]) for part in self._parts
        )

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


@dataclass(frozen=True)
class Join:
    """Several foreign tensors that make one of ours; the row's transform holds a `concat`."""

    parts: tuple[str, ...]

    def __init__(self, *parts: str) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True)
class Row:
    """One line of a weight map.

    Args:
        foreign: the key in the file; or a tuple of alternatives, of which the file holds one (when
            it holds more, they must be equal); or a `Join` of several that make one of ours.
            Export writes the first alternative.
        ours: the variable's path; a tuple of paths (and `ZERO`) when the transform splits; `None`
            when the key is dropped on purpose.
        transform: foreign -> ours, reversible; a tuple is a chain.
        optional: the model may lack the variable; the key is then dropped. (A variable that exists
            is never left without a value.)
        tied: the key may be absent, for its value is the one another row gives to `ours`; where it
            is present it must be equal, and where it alone is present it gives the value. Export
            leaves it out.
        prefixed: whether the map's prefix stands before `foreign`.
        head: the key belongs to a head, so that users are told when it is dropped.

    Raises:
        ValueError: the two sides do not have the same holes, so it could not be reversed.
    """

    foreign: str | tuple[str, ...] | Join
    ours: str | tuple[str | _Zero, ...] | None
    transform: Transform | tuple[Transform, ...] | None = None
    optional: bool = False
    tied: bool = False
    prefixed: bool = True
    head: bool = False
    # compiled
    sources: tuple[Template, ...] = field(init=False, repr=False, compare=False)
    targets: tuple[Template | _Zero, ...] = field(init=False, repr=False, compare=False)
    steps: Chain = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        foreign = self.foreign.parts if isinstance(self.foreign, Join) else self.foreign
        sources = tuple(Template(t) for t in ((foreign,) if isinstance(foreign, str) else foreign))
        ours = () if self.ours is None else self.ours
        targets = tuple(
            Template(t) if isinstance(t, str) else t
            for t in ((ours,) if isinstance(ours, str) else ours)
        )
        named = [t for t in targets if isinstance(t, Template)]
        if not sources or (self.ours is not None and not named):
            raise ValueError(f"a row needs names on both sides, or `ours=None`: {self.foreign!r}")
        if len({t.holes for t in (*sources, *named)} | {sources[0].holes}) > 1:
            raise ValueError(f"{self.foreign!r} -> {self.ours!r}: the holes differ")
        steps = self.transform if isinstance(self.transform, tuple) else (self.transform,)
        object.__setattr__(self, "sources", sources)
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "steps", Chain(tuple(s for s in steps if s is not None)))

    @property
    def joins(self) -> bool:
        """Whether several foreign tensors make one of ours."""
        return isinstance(self.foreign, Join)

    def match_key(self, key: str) -> tuple[int, Binding] | None:
        """Returns (which source matches, what its holes stand for), for a key without prefix."""
        for index, source in enumerate(self.sources):
            if (binding := source.match(key)) is not None:
                return index, binding
        return None

    def match_path(self, path: str) -> tuple[int, Binding] | None:
        """Returns (which target matches, what its holes stand for)."""
        for index, target in enumerate(self.targets):
            if isinstance(target, Template) and (binding := target.match(path)) is not None:
                return index, binding
        return None

    def paths(self, binding: Binding) -> list[str | None]:
        """Returns our paths, in order; None for `ZERO`."""
        return [t.fill(binding) if isinstance(t, Template) else None for t in self.targets]


class _Index:
    """Rows by the names that they may match: those without holes by the name itself."""

    def __init__(self) -> None:
        self._added = 0
        self._named: dict[str, list[tuple[int, Row]]] = {}
        self._holed: list[tuple[int, Row]] = []

    def add(self, row: Row, templates: Sequence[Template]) -> None:
        """Adds the next row, which matches what one of the templates does."""
        entry = (self._added, row)
        self._added += 1
        if any(template.holes for template in templates):
            self._holed.append(entry)
        else:
            for template in templates:
                self._named.setdefault(template.text, []).append(entry)

    def rows(self, *names: str | None) -> Iterator[Row]:
        """Yields the rows that may match one of the names, in the order in which they came."""
        exact = [entry for name in {*names} - {None} for entry in self._named.get(str(name), ())]
        found = heapq.merge(sorted(exact, key=_place), self._holed, key=_place)
        return (row for _, row in found)


def _place(entry: tuple[int, Row]) -> int:
    return entry[0]


class WeightMap:
    """Rows, and the prefixes that a file may put before the keys of all `prefixed` rows.

    Args:
        rows: the table, special rows first.
        prefixes: candidates, such as `("bert.", "")`; the one that fits most keys of the file is
            taken. Export writes the first.
    """

    def __init__(self, *rows: Row, prefixes: Iterable[str] = ("",)) -> None:
        self.rows = rows
        self.prefixes = tuple(prefixes)
        # Each key of a file is looked up several times: to choose the prefix, and to load.
        self._found: dict[tuple[str, str], tuple[Row, int, Binding] | None] = {}
        # Tables with a row for each tensor are long: their rows are looked up by name.
        self._by_key, self._by_path = _Index(), _Index()
        for row in rows:
            self._by_key.add(row, row.sources)
            if not row.tied:
                self._by_path.add(row, [t for t in row.targets if isinstance(t, Template)])
        if not self.prefixes:
            raise ValueError('prefixes is empty; ("",) means none')

    def __repr__(self) -> str:
        return f"WeightMap({len(self.rows)} rows, prefixes={self.prefixes})"

    def choose_prefix(self, keys: Iterable[str], paths: Container[str]) -> str:
        """Returns the prefix under which most keys give a value to one of the variables `paths`."""
        if len(self.prefixes) == 1:
            return self.prefixes[0]
        keys = list(keys)
        return max(self.prefixes, key=lambda prefix: self.count_fits(keys, prefix, paths))

    def count_fits(self, keys: Iterable[str], prefix: str, paths: Container[str]) -> int:
        """Counts the keys that, read with a prefix, give a value to one of `paths`."""
        found = (self.find_key(key, prefix) for key in keys)
        return sum(
            any(path in paths for path in row.paths(binding) if path)
            for row, _, binding in filter(None, found)
        )

    def find_key(self, key: str, prefix: str) -> tuple[Row, int, Binding] | None:
        """Finds the first row for a key of the file: (row, which of its sources, binding)."""
        if (key, prefix) not in self._found:
            self._found[key, prefix] = self._find_key(key, prefix)
        return self._found[key, prefix]

    def _find_key(self, key: str, prefix: str) -> tuple[Row, int, Binding] | None:
        tail = key[len(prefix) :] if key.startswith(prefix) else None
        for row in self._by_key.rows(key, tail):
            text = tail if row.prefixed else key
            if text is not None and (found := row.match_key(text)) is not None:
                return row, *found
        return None

    def find_path(self, path: str) -> tuple[Row, int, Binding] | None:
        """Finds the first row that gives a variable its value: (row, which target, binding)."""
        for row in self._by_path.rows(path):
            if (found := row.match_path(path)) is not None:
                return row, *found
        return None

    def keys_of(self, row: Row, binding: Binding, prefix: str) -> list[str]:
        """Returns the row's foreign names, filled, with the prefix where it has one."""
        return [(prefix if row.prefixed else "") + s.fill(binding) for s in row.sources]

    def expected_keys(self, path: str, prefix: str) -> list[str]:
        """Returns the foreign names that could give `path` its value; [] when none could."""
        found = self.find_path(path)
        return [] if found is None else self.keys_of(found[0], found[2], prefix)


@dataclass
class Group:
    """All keys of a file that one row and one binding bring together."""

    row: Row
    binding: Binding
    keys: dict[int, str] = field(default_factory=dict)  # which source -> key in the file

    @property
    def name(self) -> str:
        """The keys of the group, joined by commas, as errors call it."""
        return ", ".join(self.keys[index] for index in sorted(self.keys))

    @property
    def inputs(self) -> list[list[str]]:
        """Each inner list is a full set of keys to read: one set for each alternative."""
        ordered = [self.keys[index] for index in sorted(self.keys)]
        return [ordered] if self.row.joins else [[key] for key in ordered]

    def missing_parts(self, weight_map: WeightMap, prefix: str) -> list[str]:
        """Returns the keys of a `Join` that the file lacks."""
        if not self.row.joins:
            return []
        names = weight_map.keys_of(self.row, self.binding, prefix)
        return [name for index, name in enumerate(names) if index not in self.keys]


def group_keys(
    keys: Iterable[str], weight_map: WeightMap, prefix: str
) -> tuple[list[Group], list[str]]:
    """Groups the keys of a file by row: (groups by their first key, keys without a row)."""
    groups: dict[tuple[int, Binding], Group] = {}
    unknown: list[str] = []
    for key in keys:
        found = weight_map.find_key(key, prefix)
        if found is None:
            unknown.append(key)
            continue
        row, source, binding = found
        group = groups.setdefault((id(row), binding), Group(row, binding))
        group.keys[source] = key
    return list(groups.values()), unknown


def group_paths(
    paths: Iterable[str], weight_map: WeightMap
) -> Iterator[tuple[Row | None, Binding, Mapping[int, str]]]:
    """Yields (row, binding, which target -> path) for variables; row None where no row matches."""
    groups: dict[tuple[int, Binding], tuple[Row, dict[int, str]]] = {}
    for path in paths:
        found = weight_map.find_path(path)
        if found is None:
            yield None, (), {0: path}
            continue
        row, target, binding = found
        groups.setdefault((id(row), binding), (row, {}))[1][target] = path
    for (_, binding), (row, held) in groups.items():
        yield row, binding, held
