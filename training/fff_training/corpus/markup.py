"""Turns package files into plain text: HTML, manual pages, reStructuredText, API descriptions, SWORD and R data."""

from __future__ import annotations

import html
import json
import lzma
import re
import struct
import zlib
from typing import Any, Iterator, List

_DROP = re.compile(r"<(script|style|head|nav|footer|svg|select|form|button)\b.*?</\1\s*>|<!--.*?-->", re.S | re.I)
_BLOCK = re.compile(r"</?(p|div|br|h[1-6]|tr|table|ul|ol|dl|dt|dd|section|article|pre|blockquote|hr)\b[^>]*>", re.I)
_ITEM = re.compile(r"<li\b[^>]*>", re.I)
_CELL = re.compile(r"</t[dh]\s*>", re.I)
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>")
_SPACES = re.compile(r"[ \t\u00a0]+")


def from_html(text: str) -> str:
    """Readable text of an HTML (or OSIS, ThML) document: one line per block, tags and entities resolved."""
    pre: List[str] = []

    def keep(match: "re.Match[str]") -> str:
        pre.append(html.unescape(_TAG.sub("", match.group(1))))
        return f"\n\x00{len(pre) - 1}\x00\n"

    text = _DROP.sub(" ", text).replace('<span class="classifier">', ": ")
    text = re.sub(r"<pre\b[^>]*>(.*?)</pre\s*>", keep, text, flags=re.S | re.I)
    text = _SPACES.sub(" ", text.replace("\n", " "))
    text = _CELL.sub(" ", _ITEM.sub("\n- ", _BLOCK.sub("\n", text)))
    text = html.unescape(_TAG.sub("", text))
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", _SPACES.sub(" ", text).replace("¶", ""))
    text = re.sub(r"\x00(\d+)\x00", lambda match: pre[int(match.group(1))], text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def from_manual_page(text: str) -> str:
    """Readable text of a roff or mdoc manual page."""
    lines: List[str] = []
    for line in text.splitlines():
        if line.startswith(("'", '.\\"', '."')):
            continue
        if line.startswith("."):
            macro, _, rest = line[1:].partition(" ")
            if macro in ("SH", "SS", "Sh", "Ss", "PP", "P", "LP", "Pp", "TP", "IP", "It"):
                lines.append("")
            elif macro not in (
                "B",
                "I",
                "BR",
                "RB",
                "IR",
                "RI",
                "BI",
                "IB",
                "Nm",
                "Fl",
                "Ar",
                "Xr",
                "Pa",
                "Em",
                "Sy",
                "Dq",
                "Ql",
            ):
                continue
            line = rest.replace('"', "")
        line = re.sub(r"\\f[A-Z]|\\f\([A-Z]{2}|\\s[-+]?\d|\\&|\\c$", "", line)
        line = line.replace("\\-", "-").replace("\\e", "\\").replace("\\(aq", "'").replace("\\(bu", "-")
        lines.append(re.sub(r"\\\(..|\\\[[^\]]*\]|\\\*\S", "", line).rstrip())
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines))
    return "\n".join(_SPACES.sub(" ", paragraph.replace("\n", " ")).strip() for paragraph in paragraphs)


def from_rst(text: str) -> str:
    """reStructuredText without roles, targets, underlines and directive lines; literal blocks stay."""
    kept: List[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if (
            bare.startswith(".. ")
            or re.fullmatch(r":[\w-]+:.*", bare)
            or re.fullmatch(r"([=\-~^\"'`#*+.:_])\1{2,}", bare)
        ):
            continue
        line = re.sub(r":[\w:+.-]+:`(?:~|!)?([^`<]+?)(?:\s*<[^`]*>)?`", r"\1", line)
        line = re.sub(r"`([^`<]+?)\s*<[^`>]*>`__?", r"\1", line)
        line = re.sub(r"``([^`]+)``|`([^`]+)`_?_?", lambda match: match.group(1) or match.group(2), line)
        kept.append(re.sub(r"\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*", lambda match: match.group(1) or match.group(2), line))
    return "\n".join(kept)


def from_markdown(text: str) -> str:
    """Markdown stays Markdown; front matter, badges, comments and raw HTML go."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"\[?!\[[^\]]*\]\([^)]*\)\]?(?:\([^)]*\))?", "", text)
    text = re.sub(
        r"</?(?:a|p|div|img|br|h[1-6]|table|t[rdh]|tbody|thead|span|picture|source|details|summary|sub|sup|b|i|kbd|center|em|strong|ul|ol|li|hr)\b[^>]*>",
        "",
        text,
        flags=re.I,
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def from_api_description(text: str) -> str:
    """The prose in a service description: ``documentation`` and ``description`` strings of a JSON file, in order."""
    found: List[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key in ("documentation", "description", "help") and isinstance(item, str) and len(item) > 40:
                    found.append(from_html(item))
                else:
                    walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(json.loads(text))
    return "\n".join(found)


def from_json_strings(text: str, shortest: int = 40) -> str:
    """Every string of at least ``shortest`` characters in a JSON file, in order."""
    found: List[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            if len(value) >= shortest:
                found.append(from_html(value))
        elif isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(json.loads(text))
    return "\n".join(found)


def from_glosses(text: str) -> str:
    """Definitions and example sentences of a WordNet data file: what follows the bar on each line."""
    return "\n".join(line.split(" | ", 1)[1].strip() for line in text.splitlines() if " | " in line)


def from_sword_blocks(index: bytes, data: bytes) -> str:
    """Text of a compressed SWORD module: ``.bzs`` index (offset, size, unpacked size) and ``.bzz`` zlib blocks."""
    parts: List[str] = []
    for offset, size, _ in struct.iter_unpack("<III", index[: len(index) // 12 * 12]):
        try:
            block = zlib.decompress(data[offset : offset + size])
        except zlib.error:
            continue
        parts.append(from_html(block.decode("utf-8", "replace").replace("\x00", "\n")))
    return "\n".join(parts)


def from_r_database(data: bytes) -> str:
    """Character vectors of an R lazy-load database (``.rdb``): packed objects whose strings are long enough to read."""
    parts: List[str] = []
    for unpacked in _r_objects(data):
        at = 0
        marker = re.compile(rb"\x00[\x00-\xff]\x00\x09(....)", re.S)
        while True:
            match = marker.search(unpacked, at)
            if not match:
                break
            size = struct.unpack(">i", match.group(1))[0]
            at = match.end()
            if 0 <= size <= 100_000 and at + size <= len(unpacked):
                parts.append(unpacked[at : at + size].decode("utf-8", "replace"))
                at += size
    return "\n".join(parts)


def _r_objects(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 5 < len(data):
        kind = data[at + 4 : at + 5]
        try:
            if kind == b"Z":
                decoder = lzma.LZMADecompressor(
                    format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6 | lzma.PRESET_EXTREME}]
                )
                yield decoder.decompress(data[at + 5 :])
                at = len(data) - len(decoder.unused_data)
            else:
                inflate = zlib.decompressobj()
                yield inflate.decompress(data[at + 4 :])
                at = len(data) - len(inflate.unused_data)
        except (zlib.error, lzma.LZMAError):
            at += 1
