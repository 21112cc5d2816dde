"""Gets package archives with the registries' ordinary clients: ``npm pack``, ``pip download``, ``apt-get download``.

Nothing of a package is installed. pip fetches wheels; where the manifest says ``sdist`` it fetches the source archive,
for which pip itself runs the package's metadata step.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence

REGISTRIES = ("npm", "pypi", "debian")


class FetchError(RuntimeError):
    """A package that its registry did not hand over; names package and cause."""


@dataclass(frozen=True)
class Source:
    """One line of the manifest.

    ``version`` is exact, or ``-`` for the newest (the output records which). ``licence`` is the one expected; with
    ``basis`` ``declared`` the package's own metadata must agree, with ``reviewed`` a person read it in the package.
    ``domains`` limits what is taken (``all`` or a comma list), ``cap_mb`` bounds it, ``note`` says how it is read.
    """

    registry: str
    name: str
    version: str
    licence: str
    basis: str
    domains: str
    cap_mb: float
    note: str

    @property
    def key(self) -> str:
        """Name for logs and file names."""
        return f"{self.registry}-{self.name.replace('/', '__')}"


def read_manifest(path: Path) -> List[Source]:
    """Reads the tab-separated manifest (lines starting with # are comments).

    Raises:
        ValueError: a line with another number of fields, an unknown registry or a package named twice.
    """
    sources: List[Source] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 8 or fields[0] not in REGISTRIES or fields[4] not in ("declared", "reviewed"):
            raise ValueError(
                f"{path}, line {number}: expected registry, name, version, licence, basis, domains, cap, note."
            )
        source = Source(*fields[:6], float(fields[6]), fields[7])
        if any(other.key == source.key for other in sources):
            raise ValueError(f"{path}, line {number}: {source.key} is listed twice.")
        sources.append(source)
    return sources


def fetch_all(sources: Sequence[Source], folder: Path, batch: int = 40) -> None:
    """Downloads what is missing, ``batch`` packages of one registry per client call (a client's start costs the most).

    A package that no batch brought is left to ``fetch``, which tries it once more and names the cause.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for registry in REGISTRIES:
        for sdist in (False, True):
            missing = [
                source
                for source in sources
                if source.registry == registry and _is_sdist(source) == sdist and not _present(source, folder)
            ]
            for start in range(0, len(missing), batch):
                _fetch_group(missing[start : start + batch], folder)


def _fetch_group(group: Sequence[Source], folder: Path) -> None:
    """One client call for all; where it fails, the two halves are tried, so that one bad name costs few calls."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        try:
            subprocess.run(_command(group), cwd=work, capture_output=True, timeout=60.0 + 20.0 * len(group))
        except subprocess.TimeoutExpired:
            pass
        for source in group:
            found = [path for path in Path(work).iterdir() if _belongs(source, path.name)]
            if len(found) == 1:
                _keep(source, found[0], folder)
    missing = [source for source in group if not _present(source, folder)]
    if missing and len(group) > 1:
        middle = (len(missing) + 1) // 2
        for half in (missing[:middle], missing[middle:]):
            if half:
                _fetch_group(half, folder)


def fetch(source: Source, folder: Path, seconds: float = 300.0) -> Path:
    """The package's archive in ``folder``, downloaded unless it is there already.

    Raises:
        FetchError: the client failed or ran out of time.
    """
    present = _present(source, folder)
    if present:
        return present
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        try:
            subprocess.run(_command([source]), cwd=work, check=True, capture_output=True, timeout=seconds)
        except subprocess.CalledProcessError as error:
            tail = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise FetchError(f"{source.key}: the client failed: {' '.join(tail)[:200]}") from error
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"{source.key}: no answer within {seconds:.0f} s") from error
        files = sorted(path for path in Path(work).iterdir() if path.is_file())
        if len(files) != 1:
            raise FetchError(f"{source.key}: expected one archive, got {len(files)}")
        return _keep(source, files[0], folder)


def _present(source: Source, folder: Path) -> Optional[Path]:
    files = sorted((folder / source.key).glob("*"))
    return files[0] if len(files) == 1 else None


def _keep(source: Source, file: Path, folder: Path) -> Path:
    target = folder / source.key
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return Path(shutil.move(str(file), str(target / file.name)))


def _is_sdist(source: Source) -> bool:
    return source.registry == "pypi" and source.note.startswith("sdist")


def _belongs(source: Source, file: str) -> bool:
    """Whether an archive's file name is this package's, whatever its version."""
    if source.registry == "debian":
        return file.startswith(source.name + "_")
    if source.registry == "npm":
        stem = source.name.lstrip("@").replace("/", "-")
        return re.fullmatch(re.escape(stem) + r"-\d+\.\d+\.\d+.*\.tgz", file) is not None
    stem = re.sub(r"[-_.]+", "_", source.name).lower()
    head = re.match(r"(.+?)-\d", file)
    return head is not None and re.sub(r"[-_.]+", "_", head.group(1)).lower() == stem


def _command(sources: Sequence[Source]) -> List[str]:
    mark = {"npm": "@", "pypi": "==", "debian": "="}[sources[0].registry]
    names = [source.name + (mark + source.version if source.version != "-" else "") for source in sources]
    if sources[0].registry == "npm":
        return ["npm", "pack", "--silent", "--ignore-scripts", *names]
    if sources[0].registry == "debian":
        return ["apt-get", "-q", "download", *names]
    kind = ["--no-binary", ":all:", "--no-build-isolation"] if _is_sdist(sources[0]) else ["--only-binary", ":all:"]
    return [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *kind, *names]


def archive_facts(path: Path) -> Dict[str, str]:
    """File name and SHA-256 of an archive."""
    hasher = hashlib.sha256()
    with path.open("rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            hasher.update(block)
    return {"archive": path.name, "sha256": hasher.hexdigest()}


def version_of(source: Source, archive: Path, package_json: Optional[str]) -> str:
    """The version in hand, read from the archive's name or ``package.json``."""
    if source.registry == "npm" and package_json:
        return str(json.loads(package_json).get("version", ""))
    if source.registry == "debian":
        return archive.name.split("_")[1].replace("%3a", ":")
    match = re.match(r".+?-(\d[^-]*?)(?:-.*\.whl|\.tar\.\w+|\.zip)$", archive.name)
    return match.group(1) if match else ""
