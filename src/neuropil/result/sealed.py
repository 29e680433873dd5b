"""HDF5 files that show when a bit of them was changed.

A sealed file begins with a block of 512 bytes, which HDF5 sets aside for others and every reader of HDF5 skips: one line with
the BLAKE2b digest of all that follows, padded with zeros. `tail -c +513 FILE | b2sum -l 256` computes it again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuropil.errors import ResultError
from neuropil.result.atomic import replacing

BLOCK = 512
_CHUNK = 1 << 22


@contextmanager
def writing(path: Path) -> Iterator[Any]:
    """An open h5py.File to fill; on leaving without an error it is sealed, made durable and takes the place of `path`.

    Raises:
        StorageError: the system refused; the old file, if there was one, is as it was.
    """
    import h5py

    with replacing(path) as temporary, temporary.open("w+b", buffering=0) as raw:
        sink = _Sink(raw)
        try:
            with h5py.File(sink, "w", userblock_size=BLOCK) as file:
                yield file
        finally:
            if sink.error is not None:
                raise sink.error
        block = _block(_digest(raw))
        raw.seek(0)
        raw.write(block)


@contextmanager
def reading(path: Path, verified: bool = False) -> Iterator[Any]:
    """An h5py.File, open for reading, of a file whose seal holds.

    Args:
        path: of the file.
        verified: the caller has compared the seal already.

    Raises:
        ResultError: it cannot be read, or is not as it was written; errors of h5py within the block are turned into this one.
    """
    import h5py

    if not verified:
        seal_of(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ResultError(f"cannot read {path}", got=str(error), expected="a file that neuropil wrote") from error


def seal_of(path: Path) -> str:
    """The digest of the sealed file at `path`, which is read in full and compared with it.

    Raises:
        ResultError: it cannot be read, carries no seal, or is not as it was written.
    """
    try:
        with path.open("rb") as raw:
            block, digest = raw.read(BLOCK), _digest(raw)
    except OSError as error:
        raise ResultError(f"cannot read {path}", got=str(error)) from error
    if not block.startswith(_MARK):
        raise ResultError(
            f"cannot read {path}", got="a file without the checksum of neuropil", expected="an HDF5 file that neuropil wrote",
            fix="restore the file: it is damaged, was changed, or is of an older version of neuropil",
        )  # fmt: skip
    if block != _block(digest):
        raise ResultError(
            f"{path} is not as neuropil wrote it", got="a content that does not match its checksum",
            fix="restore the file from a copy: it is damaged, cut, or was changed",
        )  # fmt: skip
    return digest


_MARK = b"neuropil sealed 1 blake2b-256 "


def _block(digest: str) -> bytes:
    return (_MARK + digest.encode() + b"\n").ljust(BLOCK, b"\0")


def _digest(raw: Any) -> str:
    """Of a file from its first block on."""
    digest = hashlib.blake2b(digest_size=32)
    raw.seek(BLOCK)
    while data := raw.read(_CHUNK):
        digest.update(data)
    return digest.hexdigest()


class _Sink(io.RawIOBase):
    """A file for HDF5 in which writing never fails: HDF5 cannot close a file on a full disk, and ends the process instead.

    The first error is kept, what is written afterwards is dropped, and who made the sink raises the error in the end.
    """

    def __init__(self, raw: io.FileIO):
        super().__init__()
        self._raw = raw
        self.error: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: Any) -> int:
        return self._raw.readinto(buffer) or 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        size = len(view)
        try:
            while self.error is None and len(view):
                view = view[self._raw.write(view) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._raw.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return self._raw.tell() if size is None else size
