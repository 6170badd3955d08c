"""Hidden inputs: unpredictable without the secret, and the same again with it."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from random import Random

from bayeswd.errors import InputError
from bayeswd.homework.submissions.tree import RefusedError, read_plain

_BYTES = 32
_MOST = 4096


def of(secret: bytes, sha256: str) -> str:
    """The seed of one submission, hexadecimal: HMAC-SHA256 of its digest under the secret."""
    return hmac.new(secret, sha256.encode(), hashlib.sha256).hexdigest()


def random(seed: str, exercise: str) -> Random:
    """Where the hidden inputs of one exercise are drawn from."""
    return Random(hashlib.sha256(f"{seed} {exercise}".encode()).digest())


def fingerprint(secret: bytes) -> str:
    """What tells one secret from another without giving it away."""
    return of(secret, "fingerprint")[:16]


def read_secret(path: Path) -> bytes:
    """The secret in a file; InputError if it is missing or too short to be one."""
    try:
        secret = read_plain(path, _MOST).strip()
    except RefusedError as error:
        raise InputError(f"--seed-secret {str(path)!r} cannot be read: {error}") from None
    if len(secret) < 16:
        raise InputError(f"--seed-secret {str(path)!r} holds {len(secret)} bytes; at least 16.")
    return secret


def kept_secret(path: Path) -> bytes:
    """The secret kept at `path`, readable by its owner alone; drawn on the first call."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
    return read_secret(path)
