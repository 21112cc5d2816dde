"""Two small classification tasks, stand-ins for GLUE: the language of a snippet, and prose, Markdown or code.

Every model is fine-tuned the same way: mean of the final hidden states, one linear layer, all weights trained.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from .data import generator_for
from .heldout import autocast_of
from .model import MaskedLanguageModel
from .tokenizer import PAD, SEP


@dataclass
class Task:
    """Padded ids int64 [N, S] and labels int64 [N] of both parts, and the labels' names."""

    name: str
    labels: Tuple[str, ...]
    train_ids: Tensor
    train_labels: Tensor
    test_ids: Tensor
    test_labels: Tensor


def make_task(
    name: str, train: Sequence[Tuple[str, str]], test: Sequence[Tuple[str, str]], tokenizer: Tokenizer, length: int
) -> Task:
    """Encodes (label, text) pairs, cut to ``length`` tokens; labels are those that both parts have."""
    labels = tuple(sorted({label for label, _ in train} & {label for label, _ in test}))

    def encode(pairs: Sequence[Tuple[str, str]]) -> Tuple[Tensor, Tensor]:
        chosen = [(labels.index(label), text) for label, text in pairs if label in labels]
        rows = torch.full((len(chosen), length), PAD, dtype=torch.int64)
        for row, encoding in enumerate(tokenizer.encode_batch([text for _, text in chosen])):
            ids = encoding.ids[: length - 1] + [SEP] if len(encoding.ids) > length else encoding.ids
            rows[row, : len(ids)] = torch.tensor(ids)
        return rows, torch.tensor([label for label, _ in chosen], dtype=torch.int64)

    return Task(name, labels, *encode(train), *encode(test))


def read_snippets(path: Path) -> Dict[str, List[Tuple[str, str]]]:
    """Reads the corpus builder's ``snippets.jsonl``: part -> (label, text) pairs."""
    found: Dict[str, List[Tuple[str, str]]] = {"train": [], "heldout": []}
    for line in path.read_text("utf-8").splitlines():
        entry = json.loads(line)
        found[entry["part"]].append((entry["label"], entry["text"]))
    return found


def tasks_from(path: Path, tokenizer: Tokenizer, length: int = 64) -> List[Task]:
    """Both tasks from ``snippets.jsonl``: language among code snippets, domain among all."""
    snippets = read_snippets(path)
    languages = {
        part: [pair for pair in pairs if not pair[0].startswith("domain:")] for part, pairs in snippets.items()
    }
    kinds = {
        part: [(label[7:] if label.startswith("domain:") else "code", text) for label, text in pairs]
        for part, pairs in snippets.items()
    }
    return [
        make_task("language", languages["train"], languages["heldout"], tokenizer, length),
        make_task("kind", kinds["train"], kinds["heldout"], tokenizer, length),
    ]


class Classifier(nn.Module):
    """The encoder's mean over real tokens, then a linear layer."""

    def __init__(self, model: MaskedLanguageModel, labels: int) -> None:
        super().__init__()
        self.model = model
        self.head = nn.Linear(model.config.hidden_size, labels)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor) -> Tensor:
        """ids int64 [B, S] -> logits [B, labels]."""
        mask = (ids != PAD).float()
        hidden = self.model.encoder(ids, mask).hidden
        mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(mean)


def fine_tune(
    model: MaskedLanguageModel,
    task: Task,
    seed: int,
    epochs: int = 3,
    batch: int = 32,
    rate: float = 3e-4,
    precision: str = "fp32",
) -> Dict[str, Any]:
    """Fine-tunes a copy of ``model`` and returns accuracy on the held-out part and the share of the largest class."""
    device = next(model.parameters()).device
    copy = deepcopy(model)
    copy.set_balance(False)
    classifier = Classifier(copy, len(task.labels)).to(device).train()
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=rate, weight_decay=0.01)
    steps = max(1, epochs * len(task.train_ids) // batch)
    for step in range(steps):
        chosen = torch.randint(len(task.train_ids), (batch,), generator=generator_for(seed, step, torch.device("cpu")))
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        with autocast_of(copy, precision):
            logits = classifier(task.train_ids[chosen].to(device)).float()
        F.cross_entropy(logits, task.train_labels[chosen].to(device)).backward()
        nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    classifier.eval()
    right = 0
    with torch.no_grad(), autocast_of(copy, precision):
        for start in range(0, len(task.test_ids), 256):
            logits = classifier(task.test_ids[start : start + 256].to(device))
            right += int((logits.argmax(-1).cpu() == task.test_labels[start : start + 256]).sum())
    share = task.test_labels.bincount().max().item() / len(task.test_labels)
    return {
        "task": task.name,
        "seed": seed,
        "accuracy": right / len(task.test_labels),
        "majority": share,
        "tests": len(task.test_labels),
        "labels": len(task.labels),
    }
