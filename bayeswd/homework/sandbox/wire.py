"""Frames on a pipe: four bytes of length, then JSON. Read with a cap and without trust."""

import json
import os
import struct
from typing import Any

HEADER = struct.Struct("<I")


class MalformedError(ValueError):
    """What came is no frame, or no JSON that can be taken."""


def frame(message: Any) -> bytes:
    """One message as bytes."""
    body = json.dumps(message, allow_nan=False).encode()
    return HEADER.pack(len(body)) + body


def send(descriptor: int, message: Any) -> None:
    """Write a whole frame to a pipe that blocks."""
    rest = memoryview(frame(message))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def receive(descriptor: int) -> Any:
    """The next message of a trusted sender, from a pipe that blocks; None at the end."""
    header = _exactly(descriptor, HEADER.size)
    if header is None:
        return None
    body = _exactly(descriptor, HEADER.unpack(header)[0])
    return None if body is None else json.loads(body)


def length(header: bytes, most: int) -> int:
    """The length a header announces; MalformedError above `most`, before anything is allocated."""
    (announced,) = HEADER.unpack(header)
    if announced > most:
        raise MalformedError(f"a reply of {announced} bytes, where at most {most} are read")
    return int(announced)


def decode(body: bytes) -> Any:
    """JSON from anybody: whatever its depth, digits or encoding, a value or MalformedError."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError, MemoryError) as error:
        raise MalformedError(f"a reply that is not JSON ({type(error).__name__})") from None


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _exactly(descriptor: int, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        piece = os.read(descriptor, min(count - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return bytes(data)
