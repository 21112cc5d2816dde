"""Reference outputs of a model in the fixtures' format, for the extension's ``verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from .model import MaskedLanguageModel
from .tokenizer import MASK, PAD

SAMPLES: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    (
        "prose",
        ("The results are shown in the <mask> below.", "There are many <mask> to solve it.", "The door was <mask>."),
    ),
    ("code", ("for i in range(<mask>):", "const a = <mask> b;", "return <mask>;", "if x is <mask>:")),
    ("markdown", ("## Install\nRun `npm <mask>`.", "# Usage\nSee <mask>.", "- [ ] Fix the <mask>")),
)
PADDED = ("The value is <mask>.", "let x = <mask>")
SMALLEST_MARGIN = 2e-4
"""A path is a fair reference only where no decision is near 0; prototypes' errors stay below a tenth of this."""


def smallest_decision(found: Dict[str, Tensor]) -> Optional[float]:
    """Smallest |logit| among decisions (leaves decide nothing), or None for models without trees."""
    values = [value[..., :-1].abs().min().item() for name, value in found.items() if name.endswith(".logits")]
    return min(values) if values else None


def case_of(
    model: MaskedLanguageModel, ids: Tensor, mask: Optional[Tensor]
) -> Tuple[Dict[str, Tensor], Dict[str, Any]]:
    """Tensors and the ``cases.json`` entry of one batch int64 [B, S]; vocabulary logits are kept at masks only."""
    found = model.trace(ids, mask)
    logits = found.pop("mlm_logits")
    best = logits.topk(10, dim=-1)
    found["mlm_top10_ids"], found["mlm_top10_values"] = best.indices.to(torch.int32), best.values
    if ids.shape[0] == 1:
        positions = (ids[0] == MASK).nonzero().flatten()
        found["mlm_sel_positions"] = positions.to(torch.int32)
        found["mlm_logits_sel"] = logits[:, positions]
    found["input_ids"] = ids.to(torch.int32)
    if mask is not None:
        found["attention_mask"] = mask.to(torch.int32)
    entry = {
        "shape": list(ids.shape),
        "input_ids": ids.tolist(),
        "attention_mask": None if mask is None else mask.tolist(),
        "min_abs_decision_logit": smallest_decision(found),
        "argmax": logits.argmax(-1).tolist(),
    }
    return found, entry


def write_reference(model: MaskedLanguageModel, tokenizer: Tokenizer, folder: Path) -> Dict[str, Any]:
    """Writes ``cases.json`` and ``expected.safetensors``; the first sample of each kind with clear margins is taken.

    Raises:
        ValueError: no sample of a kind has clear margins.
    """
    tensors: Dict[str, Tensor] = {}
    entries: Dict[str, Any] = {}

    def keep(name: str, text: Any, found: Dict[str, Tensor], entry: Dict[str, Any]) -> None:
        entries[name] = {"text": text, **entry}
        tensors.update({f"{name}.{key}": value.contiguous() for key, value in found.items()})

    for name, samples in SAMPLES:
        for text in samples:
            found, entry = case_of(model, torch.tensor([tokenizer.encode(text).ids]), None)
            margin = entry["min_abs_decision_logit"]
            if margin is None or margin >= SMALLEST_MARGIN:
                keep(name, text, found, entry)
                break
        else:
            raise ValueError(f"No sample of {name} has all decisions at least {SMALLEST_MARGIN} from 0.")
    rows: List[List[int]] = [tokenizer.encode(text).ids for text in PADDED]
    width = max(map(len, rows))
    ids = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    found, entry = case_of(model, ids, mask)
    if (entry["min_abs_decision_logit"] or 1.0) >= SMALLEST_MARGIN:
        keep("batch_padded", list(PADDED), found, entry)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(folder / "expected.safetensors"))
    (folder / "expected.safetensors").chmod(0o644)
    document = {"fixture": "default", "cases": entries}
    (folder / "cases.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return document
