"""The corpus builder on a tiny set of made packages: deterministic, permissive only, clean, deduplicated, split."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, List

import pytest

from fff_training.corpus import clean, markup
from fff_training.corpus.archives import Bounds, Cut, read_members
from fff_training.corpus.build import build, licence_of, sections, wanted_member
from fff_training.corpus.fetch import Source, _belongs, read_manifest
from fff_training.corpus.licences import from_debian_copyright, from_python_metadata, is_permissive

PROSE = (
    "The road to the village was long and it was dark before they came to the first of the houses there. "
    "A man with a lamp was at the door, and he asked them what they wanted at this hour of the night in his street.\n"
    "They said that they had lost their way in the hills and that one of them was hurt and could not go on any more."
)
CODE = (
    "export function area(width: number, height: number): number {\n  // Both sides are in metres.\n  return width * height;\n}\n"
    * 2
)


def tgz(path: Path, files: Dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            data = text.encode("utf-8")
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def npm(packages: Path, name: str, licence: str, files: Dict[str, str]) -> Source:
    document = json.dumps({"name": name, "version": "1.2.3", "license": licence})
    tgz(
        packages / f"npm-{name}" / f"{name}-1.2.3.tgz",
        {"package/package.json": document, **{f"package/{k}": v for k, v in files.items()}},
    )
    return Source("npm", name, "1.2.3", licence, "declared", "all", 5.0, "")


def wheel(packages: Path, name: str, metadata: str, files: Dict[str, str]) -> Source:
    path = packages / f"pypi-{name}" / f"{name}-2.0-py3-none-any.whl"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-2.0.dist-info/METADATA", metadata)
        for key, text in files.items():
            archive.writestr(key, text)
    return Source("pypi", name, "2.0", "MIT", "declared", "all", 5.0, "")


def tiny_set(packages: Path) -> List[Source]:
    readme = f"# Area\n\n[![badge](https://x/y.svg)](https://x)\n\n{PROSE.replace('village', 'library')}\n"
    variants = {
        f"docs/page{number}.html": f"<html><script>x()</script><p>{PROSE.replace('man', f'man number {number}')}</p></html>".replace(
            chr(10), "</p><p>"
        )
        for number in range(40)
    }
    return [
        npm(
            packages,
            "good",
            "MIT",
            {"README.md": readme, "src/area.ts": CODE, "LICENSE": PROSE, "dist/area.min.js": CODE, **variants},
        ),
        npm(
            packages,
            "copyleft",
            "GPL-3.0",
            {"README.md": readme.replace("road", "street"), "a.ts": CODE + "// other\n"},
        ),
        npm(packages, "copy", "(MIT OR GPL-2.0)", {"README.md": readme, "src/area.ts": CODE}),
        wheel(
            packages,
            "snake",
            "Metadata-Version: 2.1\nName: snake\nLicense-Expression: BSD-3-Clause\nDescription-Content-Type: text/markdown\n\n"
            + readme.replace("night", "evening"),
            {
                "snake/core.py": "import os\n\n\ndef walk(path):\n    for name in os.listdir(path):\n        yield os.path.join(path, name)\n"
                * 2
            },
        ),
        wheel(
            packages,
            "unclear",
            "Metadata-Version: 2.1\nName: unclear\n\nText",
            {"unclear/a.py": "print('hello there, reader of this file')\n" * 9},
        ),
    ]


def test_the_same_packages_give_the_same_bytes(tmp_path: Path) -> None:
    sources = tiny_set(tmp_path / "packages")
    first = build(sources, tmp_path / "packages", tmp_path / "a", Bounds(), log=io.StringIO())
    build(sources, tmp_path / "packages", tmp_path / "b", Bounds(), log=io.StringIO())
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert {shard["file"].split(".")[0] for shard in first["shards"]} == {"prose", "markdown", "code"}


def test_licences_copies_and_generated_files_are_kept_out(tmp_path: Path) -> None:
    sources = tiny_set(tmp_path / "packages")
    manifest = build(sources, tmp_path / "packages", tmp_path / "out", Bounds(), log=io.StringIO())
    records = {record["name"]: record for record in manifest["sources"]}
    assert "GPL-3.0" in records["copyleft"]["refused"] and "refused" in records["unclear"]
    assert sum(records["copyleft"]["kept_bytes"].values()) == 0
    assert sum(records["copy"]["kept_bytes"].values()) == 0  # Permissive, but nothing new in it.
    assert records["good"]["version"] == "1.2.3" and len(records["good"]["sha256"]) == 64
    assert records["snake"]["licence"] == "BSD-3-Clause" and records["snake"]["kept_bytes"]["code"] > 0
    text = "".join(path.read_text("utf-8") for path in sorted((tmp_path / "out").glob("*.txt")))
    assert "library" in text and "<p>" not in text and "badge" not in text and "x()" not in text
    assert text.count("export function area") == 2  # CODE itself holds it twice; no second copy.
    assert text.count("They said that they had lost their way") == 1


def test_the_held_out_part_is_decided_by_the_document(tmp_path: Path) -> None:
    texts = [f"document number {number}" for number in range(4000)]
    held = [text for text in texts if clean.is_held_out(text)]
    assert 15 <= len(held) <= 75
    assert held == [text for text in reversed(texts) if clean.is_held_out(text)][::-1]


@pytest.mark.parametrize(
    "expression,permissive",
    [
        ("MIT", True), ("Apache-2.0", True), ("BSD-3-Clause", True), ("BSD-3-clause", True), ("Expat", True), ("ISC", True),
        ("(MIT OR GPL-3.0-or-later)", True), ("Apache-2.0 AND MIT", True), ("CC-BY-4.0", True), ("CC0-1.0", True),
        ("PSF-2.0", True), ("Public Domain", True), ("Apache Software License", True), ("MIT License", True),
        ("BSD-2-Clause-FreeBSD and BSD-4-Clause", True), ("GPL-2.0", False), ("LGPL-2.1+", False), ("MPL-2.0", False),
        ("MIT AND GPL-3.0", False), ("CC-BY-SA-4.0", False), ("CC-BY-NC-4.0", False), ("SEE LICENSE IN LICENSE", False),
        ("", False), ("UNLICENSED", False), ("GFDL-1.3", False), ("see copyright", False), ("AGPL-3.0-only", False),
    ],
)  # fmt: skip
def test_licence_expressions(expression: str, permissive: bool) -> None:
    assert is_permissive(expression) is permissive


def test_declared_licences_are_read_where_they_stand() -> None:
    debian = "Format: x\n\nFiles: *\nCopyright: A\nLicense: Expat\n\nFiles: debian/*\nCopyright: B\nLicense: GPL-2+\n"
    assert from_debian_copyright(debian).permissive
    assert not from_debian_copyright(debian.replace("License: Expat", "License: GPL-3")).permissive
    assert not from_debian_copyright("This package was written by someone.").permissive
    manual = debian + "\nFiles: docs/*\nCopyright: A\nLicense: CC-BY-SA-4\n"
    assert not from_debian_copyright(manual).permissive, "a copyleft manual of a permissive program"
    assert from_debian_copyright(manual.replace("docs/*", "docs/themes/flask.py")).permissive
    assert from_python_metadata("Classifier: License :: OSI Approved :: MIT License\n\n").permissive
    assert not from_python_metadata(
        "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n\n"
    ).permissive
    reviewed = Source("debian", "x", "-", "public-domain", "reviewed", "all", 1.0, "")
    assert licence_of(reviewed, {}).basis.startswith("reviewed")


def test_archives_are_bounded(tmp_path: Path) -> None:
    path = tgz(tmp_path / "a.tgz", {f"f{number}.txt": "x" * 1000 for number in range(10)})
    read: List[str] = []
    with pytest.raises(Cut):
        for name, _ in read_members(path, lambda _: True, Bounds(total_bytes=3500)):
            read.append(name)
    assert read == ["f0.txt", "f1.txt", "f2.txt"]
    (tmp_path / "b.tgz").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match="b.tgz"):
        list(read_members(tmp_path / "b.tgz", lambda _: True))


def test_markup_becomes_text() -> None:
    html = "<html><head><title>t</title></head><body><nav>menu</nav><h1>Trees &amp; leaves</h1><p>One\n line.</p><ul><li>a<li>b</ul><pre>if x:\n    y()</pre></body></html>"
    assert markup.from_html(html) == "Trees & leaves\n\nOne line.\n\n- a\n- b\nif x:\n    y()"
    manual = ".TH LS 1\n.SH NAME\nls \\- list\n.PP\nThe \\fBls\\fP command\n.B lists\nfiles.\n"
    assert "ls - list" in markup.from_manual_page(manual) and "The ls command lists files." in markup.from_manual_page(
        manual
    )
    rst = "Title\n=====\n\nSee :class:`~a.b.Thing` and ``code``.\n\n.. note::\n\n   Mind *this*.\n"
    assert markup.from_rst(rst).split() == "Title See a.b.Thing and code. Mind this.".split()
    described = json.dumps(
        {
            "a": {"documentation": "<p>" + "Creates a thing and returns it to the caller. " * 2 + "</p>"},
            "b": [{"description": "short"}],
        }
    )
    assert markup.from_api_description(described) == ("Creates a thing and returns it to the caller. " * 2).strip()
    assert (
        markup.from_glosses('00001 03 n 01 entity 0 001 @ | that which exists; "a thing"  \n')
        == 'that which exists; "a thing"'
    )


def test_what_is_worth_keeping() -> None:
    assert clean.domain_of("package/README.md") == "markdown" and clean.domain_of("a/b.ts") == "code"
    assert clean.domain_of("usr/share/man/man1/ls.1.gz") == "prose" and clean.domain_of("a/b.png") is None
    assert clean.domain_of("a/node_modules/b/c.js") is None and clean.domain_of("a/LICENSE.txt") is None
    assert clean.is_english(PROSE) and not clean.is_english("Der Weg ins Dorf war lang und es war schon dunkel. " * 20)
    assert clean.is_generated_code("var a=1;" * 400) and not clean.is_generated_code(CODE)
    assert clean.is_generated_code("// This file is auto-generated\n" + CODE)
    listing = "impl Sync for AtomicU16\n\nfn to_the(self) -> of\n\nimpl Send for AtomicU16\n" * 20
    assert clean.clean_prose(PROSE) == PROSE and clean.clean_prose(listing) == ""
    pieces = sections("line of text\n" * 20_000)
    assert len(pieces) > 2 and "".join(pieces) == "line of text\n" * 20_000


def test_manifest_lines_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "packages.tsv"
    path.write_text("npm\ta\t1.0.0\tMIT\tdeclared\tall\t2\t\nnpm\ta\t1.0.1\tMIT\tdeclared\tall\t2\t\n", "utf-8")
    with pytest.raises(ValueError, match="line 2: npm-a is listed twice"):
        read_manifest(path)
    path.write_text("cpan\ta\t1\tMIT\tdeclared\tall\t2\t\n", "utf-8")
    with pytest.raises(ValueError, match="line 1"):
        read_manifest(path)


def test_the_committed_manifest_is_valid_pinned_and_permissive(repository: Path) -> None:
    sources = read_manifest(repository / "training" / "corpus" / "packages.tsv")
    assert len(sources) > 100
    for source in sources:
        assert source.version != "-", source.key
        assert is_permissive(source.licence), f"{source.key}: {source.licence}"


def test_archives_are_told_apart_by_name() -> None:
    scoped = Source("npm", "@a/core", "-", "MIT", "declared", "all", 1.0, "")
    assert _belongs(scoped, "a-core-1.2.3.tgz") and not _belongs(scoped, "a-core-extra-1.2.3.tgz")
    python = Source("pypi", "zope.interface", "-", "MIT", "declared", "all", 1.0, "")
    assert _belongs(python, "zope_interface-7.0-cp311-none-any.whl") and not _belongs(python, "zope-1.0.whl")


def test_a_note_can_leave_a_folder_out() -> None:
    source = Source("debian", "x", "-", "MIT", "reviewed", "prose", 1.0, "without:embedded-book")
    assert wanted_member(source, "usr/share/doc/x/html/book/ch01.html")
    assert not wanted_member(source, "usr/share/doc/x/html/embedded-book/index.html")
