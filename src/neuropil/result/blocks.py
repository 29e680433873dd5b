"""Append-only files of records in blocks with checksums, from which a kill takes the end and a changed bit is found.

    block = magic "npl1", uint32 records, uint64 step, uint32 chain, uint32 CRC of these; the records; "done"

All is little-endian. `step`: the file holds all that was recorded up to that time step, if it is given. `chain`: the CRC-32 of all records up to the
end of this block, begun with a seed of the run and the file, so that blocks of another file do not fit.

A kill leaves an incomplete last block, a power cut one whose end is zero: both are dropped on reading. Whatever else does not
fit is damage, and an error.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ResultError, storage_error

_HEADER = struct.Struct("<4sIQI")
_CRC = struct.Struct("<I")
_MAGIC, _DONE = b"npl1", b"done"
_START = _HEADER.size + _CRC.size
UNTOLD = (1 << 64) - 1
"""The step of a file that does not say up to when it is complete."""
_BUFFERED_BYTES, _BUFFERED_SECONDS = 1 << 16, 1.0
_MOST = 1 << 26  # bytes of records in a block


class Block(NamedTuple):
    """The content of a block.

    Attributes:
        records: [n], as written.
        step: up to which the file is complete with this block.
        chain: CRC-32 of all records up to here.
        end: offset after the block, bytes.
    """

    records: NDArray[Any]
    step: int
    chain: int
    end: int


def seed_of(*texts: str) -> int:
    """The start of a file's chain, from `texts` that name the run and the file."""
    return zlib.crc32("\0".join(texts).encode("utf-8", "surrogatepass"))


def extended(chain: int, records: NDArray[Any]) -> int:
    """A chain with more records."""
    return zlib.crc32(np.ascontiguousarray(records).view(np.uint8).data, chain) if records.nbytes else chain


def read_blocks(path: Path, dtype: np.dtype[Any], seed: int) -> Iterator[Block]:
    """The blocks of a file, up to the first that a kill or a power cut left incomplete.

    Args:
        path: of the file.
        dtype: of a record.
        seed: start of the chain.

    Raises:
        ResultError: a block is damaged, or the file is missing.
    """
    chain = seed
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while (found := _header(file, path)) is not None:
                count, step, wanted = found
                length = count * dtype.itemsize
                if file.tell() + length + len(_DONE) > size:
                    return
                data, done = file.read(length), file.read(len(_DONE))
                if not any(done):
                    return
                chain = zlib.crc32(data, chain)
                if done != _DONE or chain != wanted:
                    raise _damage(path, file.tell() - length - len(_DONE) - _START)
                yield Block(np.frombuffer(data, dtype), step, chain, file.tell())
    except OSError as error:
        raise ResultError(f"cannot read {path}", got=error.strerror or str(error), fix="restore the file from a copy") from error


def chain_after(blocks: Iterator[Block], seed: int, records: int) -> int | None:
    """The chain after a number of records; None if there are fewer.

    Args:
        blocks: of the file, from its start.
        seed: start of the chain.
        records: their number.
    """
    length, chain = 0, seed
    while length < records:
        block = next(blocks, None)
        if block is None:
            return None
        left = records - length
        chain = block.chain if len(block.records) <= left else extended(chain, block.records[:left])
        length += len(block.records)
    return chain


def _header(file: Any, path: Path) -> tuple[int, int, int] | None:
    data = file.read(_START)
    if len(data) < _START or not any(data):
        return None
    magic, count, step, chain = _HEADER.unpack_from(data)
    if magic != _MAGIC or _CRC.unpack_from(data, _HEADER.size)[0] != zlib.crc32(data[: _HEADER.size]):
        raise _damage(path, file.tell() - _START)
    return count, step, chain


def _damage(path: Path, offset: int) -> ResultError:
    return ResultError(
        f"{path} is damaged", got=f"a block at byte {offset} that does not match its checksum",
        fix="restore the file from a copy, or go on from a checkpoint that was written before that block",
    )  # fmt: skip


class BlockFile:
    """Writes such a file.

    Args:
        path: the file.
        dtype: of the records.
        seed: see `seed_of`.
        resume: continue a file, after its last good block; else begin an empty one.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], seed: int, resume: bool = False):
        self.path, self.dtype, self.seed = path, dtype, seed
        self.last: NDArray[Any] | None = None
        self._waiting: list[NDArray[Any]] = []
        self._bytes = 0  # of what waits
        self._drained = time.monotonic()
        self._at(0, Block(np.zeros(0, dtype), 0, seed, 0))
        self._damaged: ResultError | None = None
        try:
            self._file = path.open("r+b" if resume else "w+b", buffering=0)
        except OSError as error:
            raise storage_error(error, f"cannot open {path}") from error
        if resume:
            self._rewind(None)

    def _at(self, length: int, block: Block) -> None:
        """Stand after a block, and so many records."""
        self._length, self._step, self._told, self._chain, self._end = length, block.step, block.step, block.chain, block.end

    def __len__(self) -> int:
        return self._length + sum(map(len, self._waiting))

    @property
    def waiting(self) -> NDArray[Any]:
        """The records that are not in the file yet."""
        return np.concatenate(self._waiting) if self._waiting else np.zeros(0, self.dtype)

    @property
    def chain(self) -> int:
        """CRC-32 of all records written; after `sync`, of all there are."""
        return self._chain

    def records(self) -> NDArray[Any]:
        """All records, those that wait to be written included."""
        return np.concatenate([*(block.records for block in read_blocks(self.path, self.dtype, self.seed)), self.waiting])

    def append(self, records: NDArray[Any], step: int) -> None:
        """Append records; with them the file is complete up to a time step.

        Raises:
            StorageError: the system refused; the records are kept, and written with the next ones.
        """
        if self._damaged is not None:
            raise self._damaged
        if len(records):
            self._waiting.append(records)
            self._bytes += records.nbytes
            self.last = records[-1:]
        self._step = max(self._step, step)
        if self._bytes >= _BUFFERED_BYTES or time.monotonic() - self._drained > _BUFFERED_SECONDS:
            self.drain()

    def sync(self) -> int:
        """Make all that was appended durable; returns the number of records."""
        self.drain()
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(error, f"cannot write {self.path}") from error
        return self._length

    def truncate(self, records: int) -> None:
        """Forget all but the first records.

        Args:
            records: how many are kept.

        Raises:
            ResultError: there are fewer, or the file is damaged.
        """
        if not 0 <= records <= len(self):
            if self._damaged is not None:
                raise self._damaged
            raise ResultError(f"cannot cut {self.path.name} to that length", got=records, expected=f"0 to {len(self)} records")
        if records < len(self) or self._damaged is not None:
            self.drain()
            self._rewind(records)

    def close(self) -> None:
        """Sync and close."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def drain(self) -> None:
        """Hand what waits to the system, as one block; nothing of it stands in the file if that fails."""
        if not self._waiting and self._step == self._told:
            return
        records, step = self.waiting, self._step
        most = max(1, _MOST // self.dtype.itemsize)
        while True:
            part, rest = records[:most], records[most:]
            self._write(part, step if not len(rest) or step == UNTOLD else int(part[-1]["step"]) - 1)
            self._waiting = [rest] if len(rest) else []
            if not len(rest):
                break
            records = rest
        self._drained, self._bytes = time.monotonic(), 0

    def _write(self, records: NDArray[Any], step: int) -> None:
        chain = extended(self._chain, records)
        header = _HEADER.pack(_MAGIC, len(records), step, chain)
        data = memoryview(b"".join((header, _CRC.pack(zlib.crc32(header)), records.tobytes(), _DONE)))
        size = len(data)
        if self._file.closed:
            raise ResultError(f"{self.path} is closed", fix="begin a new run, or resume this one")
        try:
            self._file.seek(self._end)
            while len(data):
                data = data[self._file.write(data) :]
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise storage_error(error, f"cannot write {self.path}") from error
        self._length, self._chain, self._end, self._told = self._length + len(records), chain, self._end + size, step

    def _rewind(self, records: int | None) -> None:
        """Go back to the end of the good blocks, or to so many records."""
        self._at(0, Block(np.zeros(0, self.dtype), 0, self.seed, 0))
        self.last, self._damaged, cut = None, None, None
        try:
            for block in read_blocks(self.path, self.dtype, self.seed):
                if self._length == records:
                    break
                if records is not None and self._length + len(block.records) > records:
                    cut = block.records[: records - self._length].copy()
                    break
                self._at(self._length + len(block.records), block)
                if len(block.records):
                    self.last = block.records[-1:].copy()
        except ResultError as error:
            if self._length != records:
                self._damaged = error
                return  # what is damaged is left as it is, until it is cut away
        self._file.truncate(self._end)
        if cut is not None and len(cut):
            self.append(cut, self._step if self._step == UNTOLD else int(cut["step"][-1]))
            self.drain()
