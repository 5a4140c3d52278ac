"""Changes to valid files: bytes, numbers, JSON values, members of archives."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

_NUMBERS = (
    0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 1 << 15, (1 << 16) - 1, 1 << 20, (1 << 31) - 1, 1 << 31,
    (1 << 32) - 1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
)  # fmt: skip
_TEXTS = (
    "", " ", "a", "../x", "/etc/passwd", "\x00", "\ud7ff", "🙂", "a" * 70_000, "http://127.0.0.1/",
    "builtins", "NaN", "-1", "[UNK]", "(a+)+$", "{0}", "%s", "float8_e4m3fn", "bfloat16", "float32",
)  # fmt: skip


def _value(draws: random.Random, depth: int = 0) -> Any:
    """Returns a JSON value of any kind."""
    kind = draws.randrange(9)
    if kind == 0:
        return None
    if kind == 1:
        return draws.random() < 0.5
    if kind == 2:
        return draws.choice(_NUMBERS) * draws.choice((1, 1, -1))
    if kind == 3:
        return draws.choice((0.0, -0.5, 1e-320, 1e308, float("nan"), float("inf"), 1.5, 10**400))
    if kind == 4:
        return draws.choice(_TEXTS)
    if kind == 5 and depth < 2:
        return [_value(draws, depth + 1) for _ in range(draws.randrange(4))]
    if kind == 6 and depth < 2:
        return {draws.choice(_TEXTS): _value(draws, depth + 1) for _ in range(draws.randrange(4))}
    if kind == 7:
        return _nested(draws.choice((10, 200, 5000)))
    return [0] * draws.choice((1, 5, 40_000))


def _nested(depth: int) -> Any:
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


def _places(value: Any, found: list[tuple[Any, Any]], depth: int = 0) -> list[tuple[Any, Any]]:
    """All (container, key) of a JSON value."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found.append((value, key))
        if depth < 40:
            _places(inner, found, depth + 1)
    return found


def json_text(raw: bytes, draws: random.Random) -> bytes:
    """Returns JSON text with some values replaced, removed, renamed, doubled or moved."""
    try:
        value = json.loads(raw)
    except ValueError:
        return mutated_bytes(raw, draws)
    for _ in range(draws.choice((1, 1, 1, 2, 4))):
        places = _places(value, [])
        if not places:
            return _dumped(_value(draws))
        container, key = draws.choice(places)
        kind = draws.randrange(8)
        if kind < 4:
            container[key] = _value(draws)
        elif kind == 4:
            del container[key]
        elif kind == 5:
            other, name = draws.choice(places)
            container[key] = _copied(other[name])
        elif kind == 6 and isinstance(container, dict):
            container[draws.choice((*_TEXTS, str(key) + "x"))] = container.pop(key)
        elif isinstance(container[key], int | float) and not isinstance(container[key], bool):
            container[key] = container[key] * draws.choice((-1, 0, 2, 1000)) + draws.choice((0, 1))
    text = _dumped(value)
    if draws.random() < 0.1:
        text = mutated_bytes(text, draws)
    elif draws.random() < 0.05 and text.startswith(b"{") and len(text) > 2:  # a key that is doubled
        text = text[:-1] + b"," + text[1:]
    return text


def _copied(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value))
    except RecursionError:
        return 0


def _dumped(value: Any) -> bytes:
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass")
    except RecursionError:
        return b"[" * 5000 + b"]" * 5000


def mutated_bytes(raw: bytes, draws: random.Random) -> bytes:
    """Returns bytes with some changed, taken away, put in, doubled or cut off."""
    made = bytearray(raw)
    for _ in range(draws.choice((1, 1, 1, 2, 3, 8))):
        if not made:
            break
        at = draws.randrange(len(made))
        if draws.random() < 0.5:  # most of what is told lies at the beginning, or at the end
            at = min(at, draws.randrange(256)) if draws.random() < 0.7 else max(
                at, len(made) - 1 - draws.randrange(256)
            )  # fmt: skip
        at = max(0, at)
        kind = draws.randrange(10)
        if kind < 3:
            made[at] = draws.randrange(256)
        elif kind == 3:
            made[at] ^= 1 << draws.randrange(8)
        elif kind < 6:
            form = draws.choice(("<B", "<H", "<I", "<Q", ">I"))
            size = struct.calcsize(form)
            number = draws.choice(_NUMBERS) % (1 << 8 * size)
            made[at : at + size] = struct.pack(form, number)
        elif kind == 6:
            del made[at : at + draws.choice((1, 2, 4, 8, 64))]
        elif kind == 7:
            made[at:at] = draws.randbytes(draws.choice((1, 2, 4, 8, 64)))
        elif kind == 8:
            size = draws.choice((1, 4, 16, 128))
            made[at:at] = made[at : at + size] * draws.choice((1, 2, 50))
        else:
            del made[at:]
    return bytes(made)


def safetensors(raw: bytes, draws: random.Random) -> bytes:
    """Returns a safetensors file whose header, or some bytes, are changed."""
    if draws.random() < 0.4:
        return mutated_bytes(raw, draws)
    size = int.from_bytes(raw[:8], "little")
    header = json_text(raw[8 : 8 + size], draws)
    return len(header).to_bytes(8, "little") + header + raw[8 + size :]


def archive(inside: dict[str, Callable[[bytes, random.Random], bytes]]) -> Callable[..., bytes]:
    """Returns what changes zip archives: bytes of it, or a member in an archive that is whole.

    Args:
        inside: end of a member's name -> how its content is changed.
    """

    def mutate(raw: bytes, draws: random.Random) -> bytes:
        if draws.random() < 0.35:
            return mutated_bytes(raw, draws)
        with zipfile.ZipFile(io.BytesIO(raw)) as opened:
            members = {name: opened.read(name) for name in opened.namelist()}
        chosen = draws.choice(sorted(members))
        change = next((f for end, f in inside.items() if chosen.endswith(end)), mutated_bytes)
        kind = draws.randrange(8)
        if kind < 6:
            members[chosen] = change(members[chosen], draws)
        elif kind == 6:
            del members[chosen]
        else:
            members[draws.choice(("../evil", "assets/x", "a/data.pkl", "x/data/0"))] = b"x"
        packed = zipfile.ZIP_DEFLATED if draws.random() < 0.2 else zipfile.ZIP_STORED
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", packed) as written:
            for name, content in members.items():
                written.writestr(name, content)
        return made.getvalue()

    return mutate


def pickled(raw: bytes, draws: random.Random) -> bytes:
    """Returns a pickle with opcodes put in, taken away and changed."""
    made = bytearray(mutated_bytes(raw, draws) if draws.random() < 0.5 else raw)
    for _ in range(draws.randrange(4)):
        at = draws.randrange(len(made) + 1)
        made[at:at] = draws.choice(
            (
                b"(", b"t", b"R", b"b", b"}", b")", b"]", b"u", b"s", b"a", b"e", b"Q", b"N",
                b"K\xff", b"\x85", b"\x86", b"\x87", b"q\x00", b"h\x00", b"\x88", b"2", b"0",
                b"\x8a\x08" + draws.randbytes(8), b"X\x02\x00\x00\x00ab", b"J\xff\xff\xff\xff",
                b"G" + draws.randbytes(8), b"cbuiltins\neval\n", b"ctorch\nFloatStorage\n",
            )
        )  # fmt: skip
    return bytes(made)
