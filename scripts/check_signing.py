"""Signs a small model's folder with fresh keys, changes it in several ways, and tells each answer.

    python -m isozoo.scripts.check_signing

It needs the extra `sign`. The exit code is 1 where a change is not noticed, or nothing was changed
and the check refuses. `model_signing` itself must take the signature, too.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..hub.errors import HubError
from ..hub.signing import SIGNATURE, check_signature, sign_folder


def main() -> int:
    """Prints a row for each change; returns the exit code."""
    from cryptography.hazmat.primitives.asymmetric import ec

    with tempfile.TemporaryDirectory() as place:
        folder, keys = Path(place, "model"), Path(place)
        for name in ("mine", "other"):
            _write_keys(keys, name, ec.generate_private_key(ec.SECP256R1()))
        wrong = 0
        for what, change, refused in _CHANGES:
            _write_model(folder)
            sign_folder(folder, keys / "mine.pem")
            change(folder)
            key = keys / ("other.pub" if what == "another key" else "mine.pub")
            try:
                check_signature(folder, key)
                answer = "taken"
            except HubError as error:
                answer = f"refused: {str(error).replace(place, '')[:110]}"
            good = answer.startswith("refused") == refused
            wrong += not good
            print(f"{what:28} {'ok ' if good else 'BAD'} {answer}")
        _write_model(folder)
        sign_folder(folder, keys / "mine.pem")
        from model_signing import verifying  # pyright: ignore[reportMissingImports]

        theirs = verifying.Config().use_elliptic_key_verifier(public_key=keys / "mine.pub")
        theirs.verify(folder, folder / SIGNATURE)
        print("model_signing itself         ok  taken")
    return 1 if wrong else 0


def _write_keys(folder: Path, name: str, key: object) -> None:
    from cryptography.hazmat.primitives import serialization as s

    private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())  # type: ignore[attr-defined]
    public = key.public_key().public_bytes(  # type: ignore[attr-defined]
        s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public)


def _write_model(folder: Path) -> None:
    import shutil

    import numpy as np
    from safetensors.numpy import save_file

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file({"a": np.arange(6, dtype="float32")}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "none"}')
    (folder / "README.md").write_text("a card\n")
    (folder / ".hidden").write_text("stays here\n")


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


_Change = Callable[[Path], object]
_CHANGES: list[tuple[str, _Change, bool]] = [
    ("nothing changed", lambda folder: None, False),
    ("the card corrected", lambda folder: (folder / "README.md").write_text("better\n"), False),
    ("one bit of the weights", lambda folder: _flip(folder / "model.safetensors"), True),
    ("a file added", lambda folder: (folder / "more.json").write_text("{}"), True),
    ("a file taken away", lambda folder: (folder / "config.json").unlink(), True),
    ("the signature cut", lambda folder: (folder / SIGNATURE).write_text("{}"), True),
    ("no signature", lambda folder: (folder / SIGNATURE).unlink(), True),
    ("another key", lambda folder: None, True),
]


if __name__ == "__main__":
    sys.exit(main())
