"""Keeps what finished runs found under ``docs/training``: ``python -m fff_training.record --plan NAME --runs DIR --docs DIR``.

Of every run folder the evaluation becomes ``evaluations/<plan>-<run>.json``. Runs named with ``--log RUN=NAME`` leave their
training log as ``logs/NAME.jsonl``, whole or (``RUN=NAME/400``) with every 400th step only. ``--manifest`` writes
``corpus.tsv``, the packages that a corpus was built from.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any, Dict, List, Optional

from .corpus.clean import DOMAINS
from .export import read_log

_HEAD = (
    "# The packages behind the shipped model, as the builder recorded them; bytes are those kept of each domain after"
    " cleaning.",
    "# registry\tname\tversion\tlicence\thow it was established\tsha256 of the archive\tprose\tmarkdown\tcode",
)


class RecordError(ValueError):
    """A run or an option that cannot be recorded; names it."""


def record_log(run: Path, target: Path, every: int) -> int:
    """Writes one log; of its ``step`` events only those of every ``every``-th step. Returns the lines kept.

    Raises:
        RecordError: the run has no log.
    """
    if not (run / "log.jsonl").exists():
        raise RecordError(f"{run} has no log.jsonl.")
    kept = [
        json.dumps(event)
        for event in read_log(run / "log.jsonl")
        if event.get("event") != "step" or event["step"] % every == 0
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(kept) + "\n", "utf-8")
    return len(kept)


def record_evaluations(plan: str, runs: Path, target: Path) -> List[str]:
    """Copies every evaluation there is; returns the files' names."""
    target.mkdir(parents=True, exist_ok=True)
    written: List[str] = []
    for path in sorted(runs.glob("*/evaluation.json")):
        name = f"{plan}-{path.parent.name}.json"
        (target / name).write_text(json.dumps(json.loads(path.read_text("utf-8"))) + "\n", "utf-8")
        written.append(name)
    return written


def corpus_rows(manifest: Dict[str, Any]) -> str:
    """``corpus.tsv``: one line a package of which anything was kept, in the manifest's order."""
    lines = list(_HEAD)
    for source in manifest["sources"]:
        kept = source.get("kept_bytes", {})
        if sum(kept.values()):
            values = [source[key] for key in ("registry", "name", "version", "licence", "licence_basis", "sha256")]
            lines.append("\t".join(map(str, [*values, *(kept[domain] for domain in DOMAINS)])))
    return "\n".join(lines) + "\n"


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", required=True, help="name of the plan, the first part of the evaluations' names")
    parser.add_argument("--runs", type=Path, required=True, help="folder of run folders")
    parser.add_argument("--docs", type=Path, required=True, help="docs/training")
    parser.add_argument("--log", action="append", default=[], metavar="RUN=NAME[/EVERY]")
    parser.add_argument("--manifest", type=Path, help="manifest.json of the shards")
    options = parser.parse_args(arguments)
    logs: Dict[str, int] = {}
    for wish in options.log:
        parts = re.fullmatch(r"([\w-]+)=([\w-]+)(?:/([1-9]\d*))?", wish)
        if parts is None:
            parser.error(f"--log takes RUN=NAME or RUN=NAME/EVERY, not {wish!r}")
        try:
            target = options.docs / "logs" / f"{parts[2]}.jsonl"
            logs[parts[2]] = record_log(options.runs / parts[1], target, int(parts[3] or 1))
        except RecordError as error:
            parser.error(str(error))
    evaluations = record_evaluations(options.plan, options.runs, options.docs / "evaluations")
    if options.manifest:
        (options.docs / "corpus.tsv").write_text(corpus_rows(json.loads(options.manifest.read_text("utf-8"))), "utf-8")
    print(json.dumps({"logs": logs, "evaluations": evaluations}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
