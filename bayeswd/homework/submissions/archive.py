"""Zip files from strangers, read in memory: never extracted to disk, never more than a size."""

import io
import stat
import zipfile
import zlib
from collections.abc import Callable

from bayeswd.homework.submissions.tree import Entry, RefusedError, is_junk, too_large

_MOST_ENTRIES = 5_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def of_zip(data: bytes, most_bytes: int) -> list[Entry]:
    """The files of an archive, sorted by path; RefusedError for one that is broken or hostile.

    Refused: paths that are absolute or lead out of the archive, links, devices, two files of one
    name, encryption, other methods than deflate, too many entries, more than `most_bytes` of all
    files together.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise RefusedError(f"it is no zip file that can be read ({error})") from None
    listed = [
        info for info in archive.infolist() if not info.is_dir() and not is_junk(info.filename)
    ]
    if len(listed) > _MOST_ENTRIES:
        raise RefusedError(f"it holds more than {_MOST_ENTRIES} files")
    if sum(info.file_size for info in listed) > most_bytes:
        raise RefusedError("it would unpack to more than any homework (a zip bomb)")
    for info in listed:
        _check(info)
    names = [info.filename for info in listed]
    if len({name.casefold() for name in names}) < len(names):
        raise RefusedError("it holds two files of one name")
    entries = [Entry(info.filename, _reader(archive, info)) for info in listed]
    return sorted(entries, key=lambda entry: entry.path)


def _check(info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = name.split("/")
    if "\\" in name or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
        raise RefusedError("a path in it leads out of the archive")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise RefusedError("it holds a link or a device")
    if info.flag_bits & 0x1:
        raise RefusedError("it is encrypted")
    if info.compress_type not in _METHODS:
        raise RefusedError("it is compressed by another method than deflate")


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        """Counts what comes out, whatever the header says."""
        if info.file_size > most:
            raise RefusedError(too_large(info.file_size, most))
        try:
            with archive.open(info) as file:
                data = file.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise RefusedError(f"it cannot be unpacked ({error})") from None
        if len(data) > most:
            raise RefusedError(too_large(len(data), most))
        return data

    return read
