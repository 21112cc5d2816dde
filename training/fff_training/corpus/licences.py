"""Which licences the corpus may use, read from what a package itself declares.

Permissive only: MIT, BSD, Apache-2.0, ISC, zlib, Boost, PostgreSQL, PSF, Unicode, CC0, CC-BY, WTFPL, public domain and
their close relatives. No copyleft, and nothing unclear: a package that declares nothing readable is refused unless the
manifest states a licence that a person read in the package (``basis: reviewed``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional

PERMISSIVE = (
    r"mit(-0|-x11|-modern|-cmu| no attribution license \(mit-0\))?|expat|x11|isc|0bsd|zlib|libpng|bsl-1\.0|boost(-1\.0)?|unlicense|wtfpl|cc0(-1\.0)?"
    r"|cc-by-[1-4]\.0|bsd([- ]?[0-4]([- ]clause)?)?([- ](freebsd|views|patent|like|style|uc|regents|cmu))*"
    r"|(new|modified|simplified|revised)[- ]bsd|[234][- ]clause[- ]bsd|bsd-style"
    r"|apache([- ](license[, -]*(version )?)?v?2(\.0)?)?|apache-?2(\.0)?|asl-?2(\.0)?|apache software license|apache 2\.0 license"
    r"|apache-2(\.0)?[- ](with[- ])?llvm-exceptions?|postgresql|psf(-2(\.0)?|-2)?|python(-2\.0(\.1)?)?"
    r"|python software foundation( license)?|unicode(-3\.0|-dfs-2016)?|icu|hpnd|ncsa|curl|openssl|tcl|ntp|wordnet(3\.0)?"
    r"|public[- ]domain|pd|odc-pddl(-1\.0)?|pddl-1\.0|mit license|the mit license( \(mit\))?|isc license( \(iscl\))?"
    r"|bsd license|zope public license|zpl(-?2\.[01])?"
)
_ATOM = re.compile(rf"^(?:{PERMISSIVE})$")
_DOCUMENTATION = re.compile(r"^(?:\./)?(?:docs?|documentation|manuals?)/\*$", re.I)


@dataclass(frozen=True)
class LicenceFinding:
    """What was found: the text as declared, whether it is permissive, and where it was read."""

    declared: str
    permissive: bool
    basis: str


def is_permissive(expression: str) -> bool:
    """Evaluates an SPDX-like expression: OR needs one permissive side, AND and ``with`` need all.

    >>> is_permissive("(BSD-3-Clause OR GPL-2.0)"), is_permissive("MIT AND GPL-3.0"), is_permissive("SEE LICENSE")
    (True, False, False)
    """
    text = expression.strip().lower()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if not text:
        return False
    if _ATOM.match(text):
        return True
    for separator, every in ((r"\s+or\s+|\s*/\s*|\s*\|\s*", False), (r"\s+and\s+|\s*[,;&]\s*", True)):
        parts = [part for part in re.split(separator, text) if part]
        if len(parts) > 1:
            results = [is_permissive(part) for part in parts]
            return all(results) if every else any(results)
    return False


def from_debian_copyright(text: str) -> LicenceFinding:
    """Reads a machine-readable ``debian/copyright``: the stanzas of all files and of the documentation must be permissive.

    Some packages license their code freely and their manual as copyleft; the manual is what the corpus takes.
    """
    main: List[str] = []
    for stanza in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files:\s*(.+(?:\n[ \t]+.*)*)", stanza, re.M)
        licence = re.search(r"^License:[ \t]*(\S.*)", stanza, re.M)
        if files and licence and any(name == "*" or _DOCUMENTATION.match(name) for name in files.group(1).split()):
            main.append(licence.group(1).strip())
    if not main:
        return LicenceFinding("", False, "no machine-readable copyright file")
    return LicenceFinding(
        " AND ".join(dict.fromkeys(main)), all(is_permissive(item) for item in main), "debian/copyright"
    )


def from_python_metadata(metadata: str) -> LicenceFinding:
    """Reads ``License-Expression``, licence classifiers or a short ``License`` field of a wheel or sdist."""
    header = metadata.split("\n\n", 1)[0]
    expression = _field(header, "License-Expression")
    if expression:
        return LicenceFinding(expression, is_permissive(expression), "License-Expression")
    classifiers = re.findall(r"^Classifier: License :: (?:OSI Approved :: )?(.+)$", header, re.M)
    names = [re.sub(r"^OSI Approved$", "", item).strip() for item in classifiers]
    names = [item for item in names if item]
    if names:
        return LicenceFinding("; ".join(names), all(is_permissive(item) for item in names), "classifier")
    licence = _field(header, "License")
    if licence and len(licence) < 60:
        return LicenceFinding(licence, is_permissive(licence), "License")
    return LicenceFinding("", False, "no licence field")


def _field(header: str, name: str) -> Optional[str]:
    match = re.search(rf"^{name}: *(\S.*)$", header, re.M)
    return match.group(1).strip() if match else None
