"""Everything that decides a training run, as one JSON-able record."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple

from .config import ModelConfig


@dataclass(frozen=True)
class TrainSettings:
    """Recipe of one run. The budget is ``tokens`` when positive, otherwise ``seconds`` of training (compiling apart).

    Every ``packed_every``-th step has rows of several shorter texts (0: none), so that the model works at every length:
    one trained on whole rows learns where they end, and is worse on a line of code (docs/training).
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    seed: int = 1
    seconds: float = 300.0
    tokens: int = 0
    batch: int = 1024
    length: int = 128
    packed_every: int = 3
    shortest: int = 8
    """Tokens of the shortest text in packed rows."""
    longest: int = 0
    """Tokens of the longest text in packed rows; 0: a whole row."""
    line_share: float = 0.5
    domain_weights: Dict[str, float] = field(default_factory=lambda: {"prose": 2.0, "markdown": 3.0, "code": 1.0})
    """How often a token of each domain counts when batches are drawn."""
    learning_rate: float = 6e-3
    fff_rate: float = 1.0
    """Learning-rate multiplier of FFF parameters."""
    betas: Tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: float = 0.02
    """Share of the budget over which the learning rate rises linearly; afterwards it falls linearly to 0."""
    mask_from: float = 0.25
    mask_to: float = 0.15
    balance: float = 0.03
    """Weight of the balance term; 0 turns it off."""
    noise_from: float = 0.0
    """Soft-to-hard routing: scale of logistic noise on decisions at the start, falling linearly to 0."""
    noise_until: float = 0.5
    """Share of the budget at which routing is hard."""
    routing_gradient: float = 0.0
    """Weight of the straight-through gradient that tells decisions which side would lower the loss; 0: none, as in the
    paper."""
    routing_samples: int = 0
    """With a routing gradient: other sub-trees tried for each token, so that the upper decisions learn what lies below."""
    teacher: str = ""
    """Hub folder of a dense teacher; empty: no distillation."""
    distill: float = 0.5
    """Share of the loss that is the teacher's divergence."""
    temperature: float = 1.0
    start_from: str = ""
    """Hub folder whose tensors of equal name and shape start this model (embedding and attention of a dense one)."""
    ema: float = 0.0
    """Decay of the weight average that is evaluated and exported; 0: the last weights."""
    precision: str = "bf16"
    compile: bool = True
    form: str = "grouped"
    log_every: int = 20
    evaluate_every: float = 0.1
    """Share of the budget between quick evaluations on held-out tokens."""
    save_seconds: float = 60.0
    """Seconds between checkpoints."""

    def to_dict(self) -> Dict[str, Any]:
        """JSON-able form."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "TrainSettings":
        """The inverse of ``to_dict``; missing keys take their defaults.

        Raises:
            ValueError: an unknown key, or texts that no row can hold.
        """
        known = set(TrainSettings.__dataclass_fields__)
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"Unknown training setting {unknown[0]!r}; known are {', '.join(sorted(known))}.")
        given = dict(values)
        given["model"] = ModelConfig.from_dict(given.get("model", {}))
        if "betas" in given:
            given["betas"] = tuple(given["betas"])
        settings = TrainSettings(**given)
        longest = settings.longest or settings.length
        if settings.packed_every and not 2 <= settings.shortest <= longest <= settings.length:
            raise ValueError(
                f"shortest is {settings.shortest}, longest {longest};"
                f" texts in rows of {settings.length} have 2 to {settings.length} tokens."
            )
        return settings

    @staticmethod
    def load(path: Path) -> "TrainSettings":
        """Reads a JSON file."""
        return TrainSettings.from_dict(json.loads(path.read_text("utf-8")))


def learning_rate(settings: TrainSettings, progress: float) -> float:
    """Warm-up, then linear decay to 0; ``progress`` in [0, 1] is the spent share of the budget."""
    rise = progress / settings.warmup if settings.warmup > 0 else 1.0
    return settings.learning_rate * max(0.0, min(1.0, rise, (1.0 - progress) / max(1e-9, 1.0 - settings.warmup)))


def mask_rate(settings: TrainSettings, progress: float) -> float:
    """Share of tokens hidden, linear from ``mask_from`` to ``mask_to``."""
    return settings.mask_from + (settings.mask_to - settings.mask_from) * min(1.0, max(0.0, progress))


def noise_scale(settings: TrainSettings, progress: float) -> float:
    """Routing noise, linear from ``noise_from`` to 0 at ``noise_until``."""
    return settings.noise_from * max(0.0, 1.0 - progress / max(1e-9, settings.noise_until))
