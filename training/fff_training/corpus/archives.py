"""Reads package archives member by member, bounded in count, size and time. Never writes to disk, never runs anything."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

Member = Tuple[str, bytes]


@dataclass(frozen=True)
class Bounds:
    """Limits for one package; whatever is past them is left out and the package is marked as cut.

    Bytes and members bound what is read; the time is only a guard against traps, so that results do not depend on load.
    """

    seconds: float = 300.0
    member_bytes: int = 20_000_000
    total_bytes: int = 700_000_000
    members: int = 120_000


class Cut(Exception):
    """A limit was reached; what was read before stands."""


def read_members(path: Path, wanted: Callable[[str], bool], bounds: Bounds = Bounds()) -> Iterator[Member]:
    """Yields (name, content) of the regular files that ``wanted`` accepts, sorted by name so that order is stable.

    Raises:
        Cut: a limit was reached (after the members read so far were yielded).
        ValueError: the archive's type is unknown or its content is corrupt.
    """
    name = path.name
    try:
        if name.endswith((".whl", ".zip")):
            yield from _limited(_zip_members(path, wanted), bounds)
        elif name.endswith((".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")):
            with tarfile.open(path) as archive:
                yield from _limited(_tar_members(archive, wanted, bounds), bounds)
        elif name.endswith(".deb"):
            data = subprocess.run(
                ["dpkg-deb", "--fsys-tarfile", str(path)], check=True, capture_output=True, timeout=bounds.seconds
            ).stdout
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                yield from _limited(_tar_members(archive, wanted, bounds), bounds)
        else:
            raise ValueError(f"{name} is no archive this builder reads.")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"{name} cannot be read: {error}") from error


def _limited(members: Iterator[Member], bounds: Bounds) -> Iterator[Member]:
    start, total, count = time.monotonic(), 0, 0
    for name, content in members:
        total += len(content)
        count += 1
        if total > bounds.total_bytes or count > bounds.members or time.monotonic() - start > bounds.seconds:
            raise Cut(f"limit reached after {count} members and {total} bytes")
        yield name, content


def _zip_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in sorted(archive.infolist(), key=lambda item: item.filename):
            if not info.is_dir() and info.file_size <= Bounds.member_bytes and wanted(info.filename):
                yield info.filename, archive.read(info)


def _tar_members(archive: tarfile.TarFile, wanted: Callable[[str], bool], bounds: Bounds) -> Iterator[Member]:
    chosen: List[tarfile.TarInfo] = []
    for info in archive:
        if info.isreg() and 0 < info.size <= bounds.member_bytes and wanted(info.name.lstrip("./")):
            chosen.append(info)
    # One forward pass over the archive (seeking back in a compressed tar would start over), then sorted for stable order.
    chosen.sort(key=lambda item: item.offset)
    loaded: List[Member] = []
    size = 0
    for info in chosen:
        handle = archive.extractfile(info)
        if handle is None:
            continue
        loaded.append((info.name.lstrip("./"), handle.read()))
        size += info.size
        if size > bounds.total_bytes:
            break
    loaded.sort(key=lambda item: item[0])
    yield from loaded


def gunzip(content: bytes, limit: int = Bounds.member_bytes) -> bytes:
    """Unpacks a gzip member, at most ``limit`` bytes."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as handle:
        return handle.read(limit)
