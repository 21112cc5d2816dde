"""One command: ``python -m fff_training.corpus.build --manifest corpus/packages.tsv --out DIR``.

Output: ``<domain>.<train|heldout>.<nnn>.txt`` shards (documents end with a form feed) and ``manifest.json`` with every
source's version, licence, archive hash and bytes, and every shard's bytes and hash. The same archives give the same
bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import clean, markup
from .archives import Bounds, Cut, gunzip, read_members
from .fetch import FetchError, Source, archive_facts, fetch, fetch_all, read_manifest, version_of
from .licences import LicenceFinding, from_debian_copyright, from_python_metadata, is_permissive
from .writers import LANGUAGES, ShardWriter, SnippetWriter

Document = Tuple[str, str, str]
_LICENCE_MEMBERS = re.compile(
    r"(^[^/]+/package\.json$|\.dist-info/METADATA$|(^|/)PKG-INFO$|usr/share/doc/[^/]+/copyright$)"
)


def texts_of(source: Source, name: str, content: bytes) -> Iterator[Document]:
    """Domain, text and language label of one member, before cleaning."""
    if name.endswith((".gz", ".dz")):
        content = gunzip(content)
    name = re.sub(r"\.(gz|dz|en)$", "", name)
    text = content.decode("utf-8", "replace")
    lower = name.lower()
    if source.note == "api-json" and lower.endswith(".json"):
        yield "prose", markup.from_api_description(text), ""
        return
    if source.note == "json-strings" and lower.endswith(".json"):
        yield "prose", markup.from_json_strings(text), ""
        return
    if source.note in ("all-text", "glosses"):
        yield "prose", markup.from_glosses(text) if source.note == "glosses" else text, ""
        return
    domain = clean.domain_of(name)
    if domain == "markdown":
        if re.search(r"change|history|news|release", lower.rsplit("/", 1)[-1]):
            text = text[:40_000]  # The newest entries; the rest repeats their form.
        if lower.endswith("/metadata"):
            header, _, text = text.partition("\n\n")
            if "markdown" not in header:
                domain, text = "prose", markup.from_rst(text)
        yield domain, markup.from_markdown(text) if domain == "markdown" else text, ""
    elif domain == "prose":
        if lower.endswith((".html", ".xhtml", ".htm")):
            text = markup.from_html(text)
        elif re.search(r"/man/man\d/", lower):
            text = markup.from_manual_page(text)
        elif lower.endswith(".rst") or "_sources/" in lower:
            text = markup.from_rst(text)
        yield "prose", text, ""
    elif domain == "code":
        yield "code", clean.strip_licence_header(text), LANGUAGES.get(lower.rsplit(".", 1)[-1], "")


def wanted_member(source: Source, name: str) -> bool:
    """Whether a member can hold text for this source, by name; a note ``without:NAME`` leaves folders of that name out."""
    if source.note.startswith("without:") and f"/{source.note[len('without:'):]}/" in f"/{name}":
        return False
    if source.note == "api-json" or source.note == "json-strings":
        return name.endswith((".json", ".json.gz"))
    if source.note == "sword":
        return name.endswith((".bzs", ".bzz", ".czs", ".czz", ".dat", ".zdt"))
    if source.note == "r-data":
        return name.endswith(".rdb")
    if source.note == "all-text":
        return "/doc/" not in name and name.endswith((".txt", ".dict.dz"))
    if source.note == "glosses":
        return re.search(r"/data\.\w+$", name) is not None
    return clean.domain_of(name) is not None


def documents_of(source: Source, members: Dict[str, bytes]) -> Iterator[Document]:
    """Domain, text and language of a package, before cleaning, in the order of names; large prose is cut into sections."""
    if source.note == "sword":
        for name in sorted(members):
            if name.endswith(("s", "S")) and name[:-1] + "z" in members:
                yield "prose", markup.from_sword_blocks(members[name], members[name[:-1] + "z"]), ""
            elif name.endswith((".dat", ".zdt")):
                yield "prose", markup.from_html(members[name].decode("utf-8", "replace").replace("\x00", "\n")), ""
        return
    if source.note == "r-data":
        for name in sorted(members):
            yield "prose", markup.from_r_database(members[name]), ""
        return
    for name in sorted(members):
        try:
            yield from texts_of(source, name, members[name])
        except (ValueError, EOFError, OSError, RecursionError):
            continue


def sections(text: str, size: int = 60_000) -> List[str]:
    """Cuts a long text at line ends into pieces of about ``size`` characters, so that the held-out part can have one."""
    if len(text) <= 2 * size:
        return [text]
    pieces, start = [], 0
    while start < len(text):
        end = text.find("\n", min(start + size, len(text)))
        end = len(text) if end < 0 else end + 1
        pieces.append(text[start:end])
        start = end
    return pieces


def licence_of(source: Source, papers: Dict[str, bytes]) -> LicenceFinding:
    """What the package declares; a reviewed licence of the manifest stands in only where nothing readable is declared."""
    found = LicenceFinding("", False, "nothing found")
    for name in sorted(papers):
        text = papers[name].decode("utf-8", "replace")
        if source.registry == "npm":
            declared = json.loads(text).get("license", "")
            declared = declared.get("type", "") if isinstance(declared, dict) else str(declared)
            found = LicenceFinding(declared, is_permissive(declared), "package.json")
        elif source.registry == "pypi":
            found = from_python_metadata(text)
        else:
            found = from_debian_copyright(text)
        if found.permissive:
            return found
    if source.basis == "reviewed" and is_permissive(source.licence):
        return LicenceFinding(source.licence, True, f"reviewed (declared: {found.declared or found.basis})"[:200])
    return found


class Builder:
    """Holds the state of one build: deduplication over all sources, shards, and the manifest."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for old in list(folder.glob("*.txt")) + list(folder.glob("manifest.json")):
            old.unlink()
        self.folder, self.bounds = folder, bounds
        self.dedup = clean.Deduplicator()
        self.writers = {
            (domain, part): ShardWriter(folder, f"{domain}.{part}")
            for domain in clean.DOMAINS
            for part in ("train", "heldout")
        }
        self.snippets = SnippetWriter()
        self.records: List[Dict[str, Any]] = []

    def add(self, source: Source, archive: Path) -> Dict[str, Any]:
        """Reads one package into the shards; returns its manifest record."""
        record: Dict[str, Any] = {"registry": source.registry, "name": source.name, **archive_facts(archive)}
        papers: Dict[str, bytes] = {}
        members: Dict[str, bytes] = {}

        def wanted(name: str) -> bool:
            return bool(_LICENCE_MEMBERS.search(name)) or wanted_member(source, name)

        try:
            for name, content in read_members(archive, wanted, self.bounds):
                if _LICENCE_MEMBERS.search(name):
                    papers[name] = content
                if wanted_member(source, name) and not name.endswith("/copyright"):
                    members[name] = content
        except Cut as cut:
            record["cut"] = str(cut)
        finding = licence_of(source, papers)
        package_json = next((text for name, text in papers.items() if name.endswith("/package.json")), None)
        record["version"] = version_of(
            source, archive, package_json.decode("utf-8", "replace") if package_json else None
        )
        record.update(
            licence=finding.declared or source.licence,
            licence_basis=finding.basis,
            raw_bytes=sum(map(len, members.values())),
        )
        kept = dict.fromkeys(clean.DOMAINS, 0)
        if not finding.permissive:
            record["refused"] = (
                f"licence {finding.declared or 'unknown'!r} ({finding.basis}) is not on the permissive list"
            )
        else:
            self._take(source, members, kept)
        record["kept_bytes"] = kept
        self.records.append(record)
        return record

    def _take(self, source: Source, members: Dict[str, bytes], kept: Dict[str, int]) -> None:
        chosen = clean.DOMAINS if source.domains == "all" else tuple(source.domains.split(","))
        limit = source.cap_mb * 1e6
        for domain, raw, language in documents_of(source, members):
            if all(kept[name] > limit for name in chosen):
                break
            if domain not in chosen or kept[domain] > limit:
                continue
            for piece in sections(clean.clean_text(raw)) if domain == "prose" else [clean.clean_text(raw)]:
                text = self._cleaned(domain, piece)
                if not text or kept[domain] > limit:
                    continue
                part = "heldout" if clean.is_held_out(text) else "train"
                self.writers[domain, part].add(text)
                if domain != "code" or language:
                    self.snippets.offer(language if domain == "code" else f"domain:{domain}", part, text)
                kept[domain] += len(text.encode("utf-8"))

    def _cleaned(self, domain: str, text: str) -> Optional[str]:
        shortest = 120 if domain == "code" else 200
        if len(text) < shortest or not self.dedup.is_new_document(text):
            return None
        if domain == "code":
            if len(text) > 400_000 or clean.is_generated_code(text) or self.dedup.is_mostly_repeated_code(text):
                return None
            return text
        if domain == "prose":
            text = clean.clean_prose(text)
        elif not clean.is_english(text):
            return None
        text = self.dedup.fresh_markdown(text) if domain == "markdown" else self.dedup.fresh_lines(text)
        return text if len(text) >= shortest else None

    def finish(self) -> Dict[str, Any]:
        """Writes the last shards and ``manifest.json``."""
        for writer in self.writers.values():
            writer.close()
        (self.folder / "snippets.jsonl").write_text("\n".join(self.snippets.lines) + "\n", "utf-8")
        shards = [entry for writer in self.writers.values() for entry in writer.files]
        totals: Dict[str, int] = {}
        for (domain, part), writer in self.writers.items():
            totals[f"{domain}.{part}"] = sum(entry["bytes"] for entry in writer.files)
        manifest = {"sources": self.records, "shards": shards, "bytes": totals}
        (self.folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
        return manifest


def build(sources: List[Source], packages: Path, out: Path, bounds: Bounds, log: Any = sys.stderr) -> Dict[str, Any]:
    """Fetches what is missing and reads it in the manifest's order; a source that fails is recorded and left out."""
    builder = Builder(out, bounds)
    fetch_all(sources, packages)
    for source in sources:
        try:
            record = builder.add(source, fetch(source, packages))
        except (FetchError, ValueError) as error:
            record = {"registry": source.registry, "name": source.name, "failed": str(error)}
            builder.records.append(record)
        sizes = " ".join(f"{key} {value / 1e6:.2f}" for key, value in record.get("kept_bytes", {}).items())
        print(
            f"{source.key} {record.get('version', '')}: {record.get('failed') or record.get('refused') or sizes}",
            file=log,
            flush=True,
        )
    return builder.finish()


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, help="where archives are kept; default OUT/../packages")
    parser.add_argument("--seconds", type=float, default=300.0, help="limit for reading one package")
    options = parser.parse_args(arguments)
    packages = options.packages or options.out.parent / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    manifest = build(read_manifest(options.manifest), packages, options.out, Bounds(seconds=options.seconds))
    print(json.dumps(manifest["bytes"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
