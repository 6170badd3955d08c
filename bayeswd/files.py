"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bayeswd.errors import InputError


@contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A name beside `path` to write to; moved to `path` when the block ends well, else removed.

    InputError, naming `path`, where the place cannot be written to.
    """
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield unfinished
        os.replace(unfinished, target)
    except OSError as error:
        raise InputError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def require_writable(path: str | os.PathLike[str]) -> None:
    """Refuse, before any work, a file that could not be written at its end."""
    target = Path(path)
    if target.is_dir():
        raise InputError(f"cannot write {str(target)!r}: it is a folder; name a file.")
    if not target.parent.is_dir():
        raise InputError(f"cannot write {str(target)!r}: there is no folder {str(target.parent)!r}")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InputError(f"cannot write {str(target)!r}: no permission.")
