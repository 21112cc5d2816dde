"""Token shards: ``python -m fff_training.shards --corpus DIR --tokenizer tokenizer.json --out DIR``.

Each ``<domain>.<part>.<nnn>.xz`` holds uint16 tokens, one ``<sep>`` after every document, LZMA-compressed by the
standard library; ``shards.json`` lists tokens, characters, bytes and SHA-256 of each.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from tokenizers import Tokenizer

from .corpus.clean import DOMAINS
from .tokenizer import SEP, normalize, read_documents, without_normalizer

TOKENS_PER_SHARD = 14_000_000


class ShardError(ValueError):
    """A shard that is missing or not the one listed; names the file."""


def pack(tokens: np.ndarray) -> bytes:
    """Compresses uint16 tokens [N]; literals are coded as pairs of bytes, the dictionary spans a whole shard."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 24, "lc": 0, "lp": 1, "pb": 1}]
    return lzma.compress(tokens.astype("<u2").tobytes(), format=lzma.FORMAT_XZ, filters=filters)


def unpack(data: bytes) -> np.ndarray:
    """The inverse of ``pack``."""
    return np.frombuffer(lzma.decompress(data), "<u2").astype(np.uint16)


def encode_documents(tokenizer: Tokenizer, documents: List[str]) -> np.ndarray:
    """Tokens of all documents, each followed by ``<sep>``; uint16 [N]."""
    parts: List[np.ndarray] = []
    plain = without_normalizer(tokenizer)
    for start in range(0, len(documents), 256):
        for encoding in plain.encode_batch_fast([normalize(text) for text in documents[start : start + 256]]):
            parts.append(np.asarray(encoding.ids, dtype=np.uint16))
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)


def encode_file(tokenizer_file: Path, path: Path) -> List[Tuple[bytes, int, int]]:
    """Compressed pieces of one text shard with their tokens and characters."""
    documents = read_documents(path)
    tokens = encode_documents(Tokenizer.from_file(str(tokenizer_file)), documents)
    characters = sum(map(len, documents))
    pieces = [tokens[start : start + TOKENS_PER_SHARD] for start in range(0, len(tokens), TOKENS_PER_SHARD)]
    return [(pack(piece), len(piece), round(characters * len(piece) / len(tokens))) for piece in pieces]


def build_shards(corpus: Path, tokenizer_file: Path, out: Path, jobs: int = 1) -> Dict[str, Any]:
    """Tokenizes every text shard, ``jobs`` at a time, and writes the compressed token shards and their list."""
    if Tokenizer.from_file(str(tokenizer_file)).token_to_id("<sep>") != SEP:
        raise ShardError(f"{tokenizer_file}: <sep> is not id {SEP}.")
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.xz"), *out.glob("*.npy"), *out.glob("unpacked.json")]:
        old.unlink()
    groups = [(domain, part) for domain in DOMAINS for part in ("train", "heldout")]
    files = [(group, path) for group in groups for path in sorted(corpus.glob(f"{group[0]}.{group[1]}.*.txt"))]
    entries: List[Dict[str, Any]] = []
    counts: Dict[Tuple[str, str], int] = {}
    with ProcessPoolExecutor(jobs) if jobs > 1 else nullcontext() as pool:
        work = partial(encode_file, tokenizer_file)
        results = (pool.map if pool else map)(work, [path for _, path in files])
        for (group, _), pieces in zip(files, results):
            for data, tokens, characters in pieces:
                name = f"{group[0]}.{group[1]}.{counts.get(group, 0):03d}.xz"
                counts[group] = counts.get(group, 0) + 1
                (out / name).write_bytes(data)
                entry = {"file": name, "tokens": tokens, "characters": characters, "bytes": len(data)}
                entries.append({**entry, "sha256": hashlib.sha256(data).hexdigest()})
                print(json.dumps(entries[-1]), flush=True)
    shutil.copyfile(tokenizer_file, out / "tokenizer.json")
    for name in ("snippets.jsonl", "manifest.json"):
        if (corpus / name).exists():
            shutil.copyfile(corpus / name, out / name)
    listing = {"tokenizer_sha256": hashlib.sha256(tokenizer_file.read_bytes()).hexdigest(), "shards": entries}
    (out / "shards.json").write_text(json.dumps(listing, indent=1) + "\n", "utf-8")
    return listing


def listed(folder: Path, domain: str, part: str) -> List[Dict[str, Any]]:
    """The entries of ``shards.json`` for a domain's part.

    Raises:
        ShardError: the folder has no ``shards.json``.
    """
    path = folder / "shards.json"
    if not path.exists():
        raise ShardError(f"{path} is missing: build the corpus first (training/build_corpus.sh).")
    entries = json.loads(path.read_text("utf-8"))["shards"]
    return [entry for entry in entries if entry["file"].startswith(f"{domain}.{part}.")]


def load_tokens(folder: Path, domain: str, part: str, allow_missing: bool = False) -> np.ndarray:
    """All tokens of a domain's part, uint16 [N], unpacked by several threads.

    Args:
        allow_missing: shards that are listed but not there are left out (a job may carry a part of the corpus).

    Raises:
        ShardError: ``shards.json`` or a shard is missing, or its content is not the one listed.
    """
    cached = folder / f"{domain}.{part}.npy"
    if cached.exists():
        return np.load(cached)
    entries = listed(folder, domain, part)

    def read(entry: Dict[str, Any]) -> np.ndarray:
        path = folder / entry["file"]
        if not path.exists():
            if allow_missing:
                return np.zeros(0, np.uint16)
            raise ShardError(f"{path} is listed in shards.json but missing.")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ShardError(f"{path} is not the shard that shards.json lists.")
        return unpack(data)

    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(read, entries))
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)


def unpack_all(folder: Path, allow_missing: bool = False) -> int:
    """Unpacks every domain once into ``<domain>.<part>.npy`` beside the shards, so that later runs start at once.

    Done again when other shards are there than the last time (a large corpus may arrive in several transfers).
    """
    present = json.dumps(sorted(path.name for path in folder.glob("*.xz")))
    marker = folder / "unpacked.json"
    if not marker.exists() or marker.read_text("utf-8") != present:
        for old in folder.glob("*.npy"):
            old.unlink()
        for domain in DOMAINS:
            for part in ("train", "heldout"):
                np.save(folder / f"{domain}.{part}.npy", load_tokens(folder, domain, part, allow_missing))
        marker.write_text(present, "utf-8")
    return sum(len(np.load(path, mmap_mode="r")) for path in folder.glob("*.npy"))


def characters_per_token(folder: Path, domain: str, part: str = "heldout") -> float:
    """Mean characters of source text behind one token."""
    entries = listed(folder, domain, part)
    return sum(entry["characters"] for entry in entries) / max(1, sum(entry["tokens"] for entry in entries))


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="text shards at a time")
    options = parser.parse_args(arguments)
    listing = build_shards(options.corpus, options.tokenizer, options.out, options.jobs)
    print(json.dumps({"tokens": sum(entry["tokens"] for entry in listing["shards"])}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
