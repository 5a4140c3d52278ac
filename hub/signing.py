"""Signatures of a preset's folder, by sigstore's `model-signing` (the extra `sign`).

Who signs holds a private key of an elliptic curve (PEM; P-256, P-384 or P-521), who checks the
public one. Nothing is asked of a network. The signature, `model.sig`, is a bundle of sigstore over
the sha256 of every file but the card, which may be corrected later.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .errors import HubError
from .inspection import inspect_folder
from .model_card import NAME as CARD

SIGNATURE = "model.sig"
_MAX_BYTES = 10**8
# What programs put beside a model's files when they fetch them.
_UNSIGNED = (CARD, SIGNATURE, ".cache")


def sign_folder(
    folder: str | os.PathLike[str],
    private_key: str | os.PathLike[str],
    *,
    password: str | None = None,
    training_state: bool = False,
) -> Path:
    """Writes `model.sig` into a folder: a signature of the files in it that can be published.

    Args:
        folder: the preset's folder.
        private_key: a PEM file.
        password: of the key, where it has one.
        training_state: whether optimizer states are signed, too; see `publish`.

    Raises:
        HubError: the folder holds nothing to publish, or the key cannot be read.
        ImportError: the extra `sign` is not installed.
    """
    folder = Path(folder)
    hashing, signing, _ = _library()
    left_out = inspect_folder(folder, training_state).left_out
    config = hashing.Config().set_ignored_paths(
        paths=[folder / name for name in (*_UNSIGNED, *left_out)]
    )
    try:
        signer = signing.Config().set_hashing_config(config)
        signer = signer.use_elliptic_key_signer(private_key=private_key, password=_bytes(password))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise HubError(
            f"{private_key} is no private key of an elliptic curve that can be read: {error}. "
            "`openssl ecparam -name prime256v1 -genkey -noout -out key.pem` makes one."
        ) from error
    # Beside the old one first, so that a signature is whole or not there.
    made = folder / f".{SIGNATURE}.new"
    try:
        signer.sign(folder, made)
        os.replace(made, folder / SIGNATURE)
    finally:
        made.unlink(missing_ok=True)
    return folder / SIGNATURE


def is_signed(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a signature, which may be anybody's."""
    return (Path(folder) / SIGNATURE).is_file()


def check_signature(
    folder: str | os.PathLike[str], public_key: str | os.PathLike[str]
) -> list[str]:
    """Checks that a folder's files are those that the holder of a key signed.

    Args:
        folder: the preset's folder, with its `model.sig`.
        public_key: a PEM file.

    Returns:
        The names of files that no signature covers: the card.

    Raises:
        HubError: there is no signature, it is another key's, it is damaged, or a file was changed,
            added or taken away.
        ImportError: the extra `sign` is not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HubError(
            f"{folder} is no folder: signatures are checked of whole folders. Fetch the repository "
            "first, such as by `hf download org/name --local-dir FOLDER`."
        )
    signature = folder / SIGNATURE
    if not signature.is_file():
        raise HubError(f"{folder} has no {SIGNATURE}: nobody signed it")
    if signature.stat().st_size > _MAX_BYTES:
        raise HubError(f"{signature} has over {_MAX_BYTES} bytes: it is no signature")
    from_library = _library()[2]
    try:
        verifier = from_library.Config().use_elliptic_key_verifier(public_key=public_key)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise HubError(
            f"{public_key} is no public key of an elliptic curve that can be read: {error}. "
            "`openssl ec -in key.pem -pubout -out key.pub` writes that of a private key."
        ) from error
    try:
        verifier.verify(folder, signature)
    except OSError:
        raise
    except Exception as error:  # the library has no errors of its own, and parses what it is given
        reason = str(error) or type(error).__name__
        raise HubError(
            f"{folder} is not as its signature says, or was not signed by the holder of "
            f"{public_key}: {reason[:500]}. Do not use it before you know why."
        ) from error
    return [CARD] if (folder / CARD).is_file() else []


def _bytes(password: str | None) -> Any:
    return None if password is None else password.encode()


def _library() -> tuple[Any, Any, Any]:
    """model-signing's modules for hashing, signing and verifying."""
    try:
        from model_signing import (  # pyright: ignore[reportMissingImports]
            hashing,
            signing,
            verifying,
        )
    except ImportError as error:
        raise ImportError(
            f"signatures need the package model-signing and what it imports ({error}): "
            "pip install 'isozoo[sign]'",
            name="model_signing",
        ) from error
    return hashing, signing, verifying
