"""crammedBERT encoder of the model specification, with FFF, dense or no feedforward layers.

State-dict names are the checkpoint's. ``decoder.weight`` is the word embedding itself and is stored once.
"""

from __future__ import annotations

import math
from typing import Dict, List, NamedTuple, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import ModelConfig
from .dense import DenseFeedforward, NoFeedforward
from .fff import FastFeedforward
from .packing import Packing


class EncoderOutput(NamedTuple):
    """``hidden`` [B, S, H] after the final norm, and the mean over layers of the balance term (scalar)."""

    hidden: Tensor
    balance: Tensor


class ScaledSinusoid(nn.Module):
    """Sinusoid table [max, H] times a learned scale (or times 1 for plain ``sinusoidal``)."""

    table: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        position = torch.arange(config.max_sequence_length, dtype=torch.float32)[:, None]
        step = torch.exp(
            torch.arange(0, config.hidden_size, 2, dtype=torch.float32) * (-math.log(10000.0) / config.hidden_size)
        )
        table = torch.zeros(config.max_sequence_length, config.hidden_size)
        table[:, 0::2] = torch.sin(position * step)
        table[:, 1::2] = torch.cos(position * step)
        self.register_buffer("table", table, persistent=False)
        if config.positions == "scaled-sinusoidal":
            self.scale_factor = nn.Parameter(torch.tensor([config.position_scale]))

    def forward(self, length: int, place: Optional[Tensor] = None) -> Tensor:
        """[length, H] for positions 0..length-1, or [B, S, H] for the positions ``place`` int64 [B, S]."""
        table = self.table[:length] if place is None else self.table[place]
        return table * self.scale_factor if hasattr(self, "scale_factor") else table


class Embedding(nn.Module):
    """Word embedding plus position, then LayerNorm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.word_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.pos_embedding = ScaledSinusoid(config)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)

    def forward(self, ids: Tensor, place: Optional[Tensor] = None) -> Tensor:
        """ids int64 [B, S], positions int64 [B, S] (None: 0 to S-1) -> [B, S, H]."""
        return self.norm(self.word_embedding(ids) + self.pos_embedding(ids.shape[1], place))


class SelfAttention(nn.Module):
    """Holds the fused projection. Rows are grouped per head: d query, d key, d value (model-spec section 2, step 3)."""

    norm_factor: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.register_buffer("norm_factor", torch.tensor(1.0 / math.sqrt(config.hidden_size // config.heads)))


class Attention(nn.Module):
    """Bidirectional multi-head attention without biases."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.self_attention = SelfAttention(config)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def _split(self, x: Tensor) -> List[Tensor]:
        """x [B, S, H] -> query, key, value, each [B, A, S, d]."""
        batch, length, hidden = x.shape
        fused = self.self_attention.query_key_value(x).view(batch, length, self.heads, 3 * hidden // self.heads)
        return [part.transpose(1, 2) for part in fused.chunk(3, dim=-1)]

    def forward(self, x: Tensor, bias: Optional[Tensor] = None) -> Tensor:
        """x [B, S, H], additive bias [B, 1, 1 or S, S] of keys (or pairs) or None -> [B, S, H]."""
        query, key, value = self._split(x)
        if bias is not None:
            bias = bias.to(query.dtype).expand(-1, 1, x.shape[1], -1)
        if hasattr(F, "scaled_dot_product_attention"):
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        else:  # PyTorch 1.13, Debian's.
            mixed = self.probabilities(x, bias) @ value
        return self.dense(mixed.transpose(1, 2).reshape(x.shape))

    def probabilities(self, x: Tensor, bias: Optional[Tensor] = None) -> Tensor:
        """Softmax output [B, A, query, key], computed plainly; for reference outputs only."""
        query, key, _ = self._split(x)
        scores = query @ key.transpose(-1, -2) * self.self_attention.norm_factor
        return torch.softmax(scores if bias is None else scores + bias, dim=-1)


class Layer(nn.Module):
    """Pre-norm block: x += attention(norm1(x)); x += ffn(norm2(x))."""

    def __init__(self, config: ModelConfig, form: str) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.attn = Attention(config)
        self.ffn: nn.Module
        if config.feedforward == "fff":
            self.ffn = FastFeedforward(config, form)
        elif config.feedforward == "dense":
            self.ffn = DenseFeedforward(config)
        else:
            self.ffn = NoFeedforward()

    def forward(self, x: Tensor, bias: Optional[Tensor]) -> EncoderOutput:
        """x [B, S, H] -> the residual stream after this layer and its balance term."""
        x = x + self.attn(self.norm1(x), bias)
        out = self.ffn(self.norm2(x).flatten(0, 1))
        return EncoderOutput(x + out.value.view(x.shape), out.balance)


class Encoder(nn.Module):
    """Embedding, layers, final norm."""

    def __init__(self, config: ModelConfig, form: str) -> None:
        super().__init__()
        self.embedding = Embedding(config)
        self.layers = nn.ModuleList(Layer(config, form) for _ in range(config.layers))
        self.final_norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)

    def forward(
        self, ids: Tensor, mask: Optional[Tensor] = None, packing: Optional[Packing] = None
    ) -> EncoderOutput:
        """ids int64 [B, S], and either mask [B, S] of 0 and 1 (None: all 1) or how rows are divided into texts."""
        x = self.embedding(ids, None if packing is None else packing.place)
        balance = torch.zeros((), dtype=torch.float32, device=ids.device)
        bias = key_bias(mask) if packing is None else text_bias(packing)
        for layer in self.layers:
            x, term = layer(x, bias)
            balance = balance + term
        return EncoderOutput(self.final_norm(x), balance / len(self.layers))


def key_bias(mask: Optional[Tensor]) -> Optional[Tensor]:
    """(1 - mask) * -10000 over keys, [B, 1, 1, S]; None stays None."""
    return None if mask is None else (1.0 - mask.to(torch.float32))[:, None, None, :] * -10000.0


def text_bias(packing: Packing) -> Tensor:
    """0 where query and key belong to the same text, -10000 elsewhere, [B, 1, S, S]."""
    apart = packing.text[:, None, :, None] != packing.text[:, None, None, :]
    return apart.to(torch.float32) * -10000.0


class MaskedLanguageModel(nn.Module):
    """The encoder with the tied decoder.

    Args:
        config: the architecture.
        form: ``grouped`` or ``masked`` FFF product; same values.
        seed: initialisation seed; None leaves PyTorch's generator as it is.
    """

    def __init__(self, config: ModelConfig, form: str = "grouped", seed: Optional[int] = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config, form)
        if seed is not None:
            torch.manual_seed(seed)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Normal weights; the embedding's std decides whether training leaves the unigram plateau."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.weight.normal_(0.0, self.config.init_std)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(0.0, self.config.embedding_std)
        if self.config.fff_out_std > 0:
            for module in self.modules():
                if isinstance(module, FastFeedforward):
                    module.linear_out.weight.normal_(0.0, self.config.fff_out_std)

    def forward(self, ids: Tensor, mask: Optional[Tensor] = None) -> Tensor:
        """ids int64 [B, S], mask [B, S] or None -> logits [B, S, V]."""
        return self.decode(self.encoder(ids, mask).hidden)

    def decode(self, hidden: Tensor) -> Tensor:
        """hidden [..., H] -> logits [..., V] by the tied embedding."""
        return F.linear(hidden, self.encoder.embedding.word_embedding.weight)

    def feedforwards(self) -> List[FastFeedforward]:
        """The FFF layers, first to last; empty for other models."""
        return [layer.ffn for layer in self.encoder.layers if isinstance(layer.ffn, FastFeedforward)]

    def set_balance(self, wanted: bool) -> None:
        """Whether forward passes compute the balance term."""
        for ffn in self.feedforwards():
            ffn.want_balance = wanted

    def set_routing_gradient(self, weight: float, samples: int) -> None:
        """Weight of the straight-through gradient of routing decisions in training mode, and sub-trees tried beside."""
        for ffn in self.feedforwards():
            ffn.routing_gradient, ffn.routing_samples = weight, samples

    def set_noise(self, enabled: bool) -> None:
        """Whether routing decisions carry noise in training mode."""
        for ffn in self.feedforwards():
            ffn.noisy = enabled

    def set_noise_scale(self, scale: float) -> None:
        """Scale of the routing noise, without recompiling."""
        for ffn in self.feedforwards():
            ffn.noise_scale.fill_(scale)

    @torch.no_grad()
    def trace(self, ids: Tensor, mask: Optional[Tensor] = None) -> Dict[str, Tensor]:
        """Every intermediate of the fixtures' format (test/fixtures/README.md), keys without the case prefix."""
        batch, length = ids.shape
        bias = key_bias(mask)
        x = self.encoder.embedding(ids)
        found: Dict[str, Tensor] = {"embedding": x}
        for number, layer in enumerate(self.encoder.layers):
            name = f"layer.{number}."
            normed = layer.norm1(x)
            found[name + "attn_probs"] = layer.attn.probabilities(normed, bias)
            found[name + "attn_out"] = layer.attn(normed, bias)
            x = x + found[name + "attn_out"]
            found[name + "ffn_input"] = layer.norm2(x)
            for key, value in layer.ffn.trace(found[name + "ffn_input"].flatten(0, 1)).items():
                found[name + key] = value.view(batch, length, *value.shape[1:])
            x = x + found[name + "ffn_output"]
            found[name + "hidden"] = x
        found["final_norm"] = self.encoder.final_norm(x)
        found["mlm_logits"] = self.decode(found["final_norm"])
        return found
