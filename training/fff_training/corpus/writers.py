"""Output files of the corpus builder: numbered text shards, and labelled snippets for the downstream tasks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Tuple

SEPARATOR = "\f\n"
SHARD_BYTES = 32_000_000

LANGUAGES = {
    "py": "python", "ts": "typescript", "tsx": "typescript", "js": "javascript", "mjs": "javascript", "go": "go", "rs": "rust",
    "c": "c", "cpp": "cpp", "hpp": "cpp", "java": "java", "rb": "ruby", "sh": "shell", "css": "css", "scss": "css",
    "json": "json", "yml": "yaml", "yaml": "yaml", "sql": "sql", "erl": "erlang", "lua": "lua", "vue": "vue",
}  # fmt: skip


@dataclass
class SnippetWriter:
    """Keeps a bounded number of labelled snippets of each part for the downstream tasks (``snippets.jsonl``)."""

    limit: Dict[str, int] = field(default_factory=lambda: {"train": 400, "heldout": 100})
    counts: Dict[Tuple[str, str], int] = field(default_factory=dict)
    lines: List[str] = field(default_factory=list)

    def offer(self, label: str, part: str, text: str) -> None:
        """Takes up to 500 characters from the middle of a document, from the start of a line."""
        if self.counts.get((label, part), 0) >= self.limit[part] or len(text) < 300:
            return
        start = text.find("\n", len(text) // 2) + 1
        snippet = text[start : start + 500].strip()
        if len(snippet) < 100:
            return
        self.counts[label, part] = self.counts.get((label, part), 0) + 1
        self.lines.append(json.dumps({"label": label, "part": part, "text": snippet}))


@dataclass
class ShardWriter:
    """Writes documents of one domain and part to numbered files of at most ``SHARD_BYTES``."""

    folder: Path
    name: str
    files: List[Dict[str, Any]] = field(default_factory=list)
    _parts: List[str] = field(default_factory=list)
    _size: int = 0

    def add(self, text: str) -> None:
        """Appends one document."""
        document = text + SEPARATOR
        size = len(document.encode("utf-8"))
        if self._size and self._size + size > SHARD_BYTES:
            self.close()
        self._parts.append(document)
        self._size += size

    def close(self) -> None:
        """Writes what is pending."""
        if not self._parts:
            return
        path = self.folder / f"{self.name}.{len(self.files):03d}.txt"
        data = "".join(self._parts).encode("utf-8")
        path.write_bytes(data)
        documents = len(self._parts)
        self.files.append(
            {"file": path.name, "bytes": len(data), "documents": documents, "sha256": hashlib.sha256(data).hexdigest()}
        )
        self._parts, self._size = [], 0
