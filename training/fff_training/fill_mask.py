"""The fill-mask suite: everyday lines with one hidden word and the words a reader would accept there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

import torch
from tokenizers import Tokenizer

from .model import MaskedLanguageModel
from .tokenizer import MASK, SEP

SUITE = Path(__file__).resolve().parent.parent / "data" / "fill_mask.tsv"


@dataclass(frozen=True)
class Line:
    """``text`` with one ``<mask>``, its ``kind`` (code, markdown, prose) and the accepted words."""

    kind: str
    text: str
    accepted: "tuple[str, ...]"


def read_suite(path: Path = SUITE) -> List[Line]:
    """Reads tab-separated kind, text (\\n for a line break) and accepted words divided by blanks.

    Raises:
        ValueError: a line without exactly one mask or without an accepted word.
    """
    lines: List[Line] = []
    for number, row in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not row or row.startswith("#"):
            continue
        fields = row.split("\t")
        if len(fields) != 3 or fields[1].count("<mask>") != 1 or not fields[2].split():
            raise ValueError(f"{path}, line {number}: expected kind, text with one <mask>, accepted words.")
        lines.append(Line(fields[0], fields[1].replace("\\n", "\n"), tuple(fields[2].split())))
    return lines


@torch.no_grad()
def fill_mask(model: MaskedLanguageModel, tokenizer: Tokenizer, text: str, count: int = 5) -> List[Dict[str, Any]]:
    """The ``count`` likeliest tokens at the mask, with probabilities; a long text is cut around the mask."""
    ids, limit = tokenizer.encode(text).ids, model.config.max_sequence_length
    if len(ids) > limit:
        start = max(0, min(ids.index(MASK) - limit // 2, len(ids) - limit))
        ids = ids[start : start + limit - 1] + [SEP]
    device = next(model.parameters()).device
    logits = model(torch.tensor([ids], device=device))[0, ids.index(MASK)].float()
    best = torch.softmax(logits, dim=-1).topk(count)
    return [
        {"token": tokenizer.id_to_token(int(token)), "probability": round(float(probability), 4)}
        for probability, token in zip(best.values, best.indices)
    ]


def fill_mask_suite(model: MaskedLanguageModel, tokenizer: Tokenizer, path: Path = SUITE) -> Dict[str, Any]:
    """Shares of lines with an accepted word first and among the first five, overall and by kind, and every answer."""
    answers: List[Dict[str, Any]] = []
    for line in read_suite(path):
        found = fill_mask(model, tokenizer, line.text)
        words = [answer["token"] for answer in found]
        answers.append(
            {
                "kind": line.kind,
                "text": line.text,
                "found": found,
                "top1": words[0] in line.accepted,
                "top5": any(word in line.accepted for word in words),
            }
        )
    summary: Dict[str, Any] = {"lines": len(answers)}
    for kind in ("all", *sorted({answer["kind"] for answer in answers})):
        chosen = [answer for answer in answers if kind in ("all", answer["kind"])]
        summary[f"{kind}_top1"] = sum(answer["top1"] for answer in chosen) / len(chosen)
        summary[f"{kind}_top5"] = sum(answer["top5"] for answer in chosen) / len(chosen)
    return {**summary, "answers": answers}
