"""Writes PNG files of depths that Pillow cannot write."""

import struct
import zlib

import numpy as np

_GREY, _RGB = 0, 2  # Colour types in the header.


def write_16_bit_rgb(path: str, first_channel: np.ndarray) -> None:
    """Writes `[H, W]` numbers as the first of three 16-bit channels; the others are 9."""
    pixels = np.dstack([first_channel, np.full((*first_channel.shape, 2), 9)]).astype(">u2")
    rows = [row.tobytes() for row in pixels]
    _write(path, width=first_channel.shape[1], bits=16, kind=_RGB, rows=rows)


def write_4_bit_grey(path: str, pixels: np.ndarray) -> None:
    """Writes `[H, W]` numbers below 16."""
    padded = np.pad(pixels, [(0, 0), (0, pixels.shape[1] % 2)])
    rows = [bytes(int(16 * a + b) for a, b in zip(row[::2], row[1::2])) for row in padded]
    _write(path, width=pixels.shape[1], bits=4, kind=_GREY, rows=rows)


def _write(path: str, *, width: int, bits: int, kind: int, rows: list[bytes]) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), bits, kind, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))))
        file.write(chunk(b"IEND", b""))
