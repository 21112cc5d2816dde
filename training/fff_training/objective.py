"""The training objective: masked cross-entropy, optional distillation, and the balance term."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import ConfigError
from .data import MaskedBatch
from .model import MaskedLanguageModel
from .settings import TrainSettings


class LossParts(NamedTuple):
    """Scalars: what is minimised, the masked cross-entropy in nats, and the balance term (unweighted)."""

    total: Tensor
    masked: Tensor
    balance: Tensor


def masked_loss(hidden: Tensor, positions: Tensor, labels: Tensor, embedding: Tensor) -> Tensor:
    """Mean cross-entropy at ``positions``.

    Args:
        hidden: [B, S, H] encoder output; positions, labels: int64 [M]; embedding: [V, H], the tied decoder.
    """
    logits = F.linear(hidden.flatten(0, 1)[positions], embedding)
    return F.cross_entropy(logits.float(), labels)


def distilled_loss(
    hidden: Tensor,
    positions: Tensor,
    labels: Tensor,
    embedding: Tensor,
    teacher_hidden: Tensor,
    teacher_embedding: Tensor,
    share: float,
    temperature: float,
) -> "tuple[Tensor, Tensor]":
    """(mixture, cross-entropy): ``share`` of KL(teacher || student) at a temperature, the rest cross-entropy."""
    logits = F.linear(hidden.flatten(0, 1)[positions], embedding).float()
    hard = F.cross_entropy(logits, labels)
    with torch.no_grad():
        taught = F.linear(teacher_hidden.flatten(0, 1)[positions], teacher_embedding).float()
        target = torch.softmax(taught / temperature, dim=-1)
    log_student = torch.log_softmax(logits / temperature, dim=-1)
    soft = F.kl_div(log_student, target, reduction="batchmean") * temperature**2
    return share * soft + (1.0 - share) * hard, hard


class Objective:
    """Holds the compiled pieces. The encoder compiles per length; the head with a free number of masks."""

    def __init__(
        self, model: MaskedLanguageModel, settings: TrainSettings, teacher: Optional[MaskedLanguageModel] = None
    ) -> None:
        if teacher is not None:
            ours, theirs = model.config, teacher.config
            if theirs.vocab_size != ours.vocab_size or theirs.max_sequence_length < settings.length:
                raise ConfigError(
                    f"The teacher has {theirs.vocab_size} entries and {theirs.max_sequence_length} positions;"
                    f" the student needs {ours.vocab_size} and {settings.length}."
                )
        self.model, self.settings, self.teacher = model, settings, teacher
        model.set_balance(settings.balance > 0)
        model.set_noise(settings.noise_from > 0)
        model.set_routing_gradient(settings.routing_gradient, settings.routing_samples)
        # Static shapes: whole and packed rows are two graphs, each compiled for its own shapes.
        wrap: Callable[..., Any] = torch.compile if settings.compile else _as_is
        self.encode = wrap(model.encoder, dynamic=False)
        self.teach = wrap(teacher.encoder, dynamic=False) if teacher is not None else None
        head: Callable[..., Any] = distilled_loss if teacher is not None else masked_loss
        self.head = wrap(head, dynamic=True)

    def __call__(self, batch: MaskedBatch) -> LossParts:
        """Loss of one batch; call under autocast."""
        settings, embedding = self.settings, self.model.encoder.embedding.word_embedding.weight
        out = self.encode(batch.ids, None, batch.packing)
        if self.teacher is not None and self.teach is not None:
            with torch.no_grad():
                taught = self.teach(batch.ids, None, batch.packing).hidden
            total, masked = self.head(
                out.hidden,
                batch.positions,
                batch.labels,
                embedding,
                taught,
                self.teacher.encoder.embedding.word_embedding.weight,
                settings.distill,
                settings.temperature,
            )
        else:
            masked = self.head(out.hidden, batch.positions, batch.labels, embedding)
            total = masked
        if settings.balance > 0:
            total = total + settings.balance * out.balance
        return LossParts(total, masked.detach(), out.balance.detach())


def _as_is(function: Any, **_: Any) -> Any:
    return function


def parameter_groups(model: MaskedLanguageModel, settings: TrainSettings) -> List[dict]:
    """Four groups: matrices with decay, the rest without; FFF parameters with their own rate."""
    groups: Dict[Tuple[bool, bool], List[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        is_fff = ".ffn.linear_" in name or ".ffn.master_" in name
        decays = parameter.dim() >= 2
        groups.setdefault((is_fff, decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay if decays else 0.0,
            "rate": settings.fff_rate if is_fff else 1.0,
        }
        for (is_fff, decays), parameters in sorted(groups.items())
    ]
