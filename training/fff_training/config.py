"""Model architecture as data, and its translation from and to the hub's ``config.json``.

The hub layout is that of UltraFastBERT-1x11-long: everything the model reads sits in ``arch``. Switches that this code
does not train (learned positions, gated layers, biases) are refused by name, never ignored.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, Mapping


class ConfigError(ValueError):
    """A configuration that this code cannot build, with the key and the reason."""


@dataclass(frozen=True)
class ModelConfig:
    """Shape of a crammedBERT encoder with FFF or dense feedforward layers.

    ``feedforward`` is ``fff`` (``trees`` trees of ``depth``, 2^(depth+1)-1 nodes each), ``dense`` (``width`` neurons) or
    ``none`` (attention only, a control). ``master_leaf`` adds that many always-active neurons beside the trees; it is an
    experiment that the hub layout cannot express.
    """

    vocab_size: int = 16384
    hidden_size: int = 384
    layers: int = 4
    heads: int = 12
    feedforward: str = "fff"
    depth: int = 11
    trees: int = 1
    width: int = 0
    master_leaf: int = 0
    max_sequence_length: int = 128
    positions: str = "scaled-sinusoidal"
    norm_eps: float = 1e-12
    init_std: float = 0.05
    embedding_std: float = 0.2
    position_scale: float = 1.0
    fff_out_std: float = 0.0
    """Standard deviation of ``linear_out`` at the start; 0 means ``init_std``. Only ``depth + 1`` neurons add up to an
    FFF layer's output, so that its authors start it far larger than a dense layer's: uniform in +-1/sqrt(depth + 1)."""

    def __post_init__(self) -> None:
        if self.hidden_size % self.heads:
            raise ConfigError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}.")
        if self.feedforward not in ("fff", "dense", "none"):
            raise ConfigError(f"feedforward is {self.feedforward!r}; known are fff, dense and none.")
        if self.feedforward == "fff" and (self.depth < 0 or self.trees < 1):
            raise ConfigError(f"An FFF layer needs depth >= 0 and trees >= 1, not {self.depth} and {self.trees}.")
        if self.feedforward == "dense" and self.width < 1:
            raise ConfigError("A dense feedforward layer needs width >= 1.")
        if self.positions not in ("scaled-sinusoidal", "sinusoidal"):
            raise ConfigError(f"positions is {self.positions!r}; known are scaled-sinusoidal and sinusoidal.")

    @property
    def nodes_per_tree(self) -> int:
        """Neurons in one tree: 2^(depth+1) - 1."""
        return 2 ** (self.depth + 1) - 1

    @property
    def leaves_per_tree(self) -> int:
        """Leaves of one tree: 2^depth."""
        return 2**self.depth

    @property
    def active_neurons(self) -> int:
        """Feedforward neurons that one token uses in one layer."""
        if self.feedforward == "fff":
            return self.trees * (self.depth + 1) + self.master_leaf
        return self.width if self.feedforward == "dense" else 0

    def with_values(self, **changes: Any) -> "ModelConfig":
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_dict(self) -> Dict[str, Any]:
        """All fields, for checkpoints and logs."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "ModelConfig":
        """The inverse of ``to_dict``; an unknown key is an error.

        Raises:
            ConfigError: an unknown key.
        """
        known = set(ModelConfig.__dataclass_fields__)
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f"Unknown model setting {unknown[0]!r}; known are {', '.join(sorted(known))}.")
        return ModelConfig(**dict(values))

    def to_hub(self, torch_dtype: str = "float32") -> Dict[str, Any]:
        """The hub's ``config.json`` for this architecture.

        Raises:
            ConfigError: the architecture has parts that the hub layout cannot say (master leaf, no feedforward).
        """
        if self.master_leaf or self.feedforward == "none":
            raise ConfigError("The hub layout has no master leaf and no model without a feedforward layer.")
        feedforward: Dict[str, Any] = (
            {"intermed_type": "fff", "intermed_size": self.trees, "intermed_depth": self.depth}
            if self.feedforward == "fff"
            else {"intermed_type": "ff", "intermed_size": self.width}
        )
        arch: Dict[str, Any] = {
            "architectures": ["ScriptableCrammedBERT"],
            "num_transformer_layers": self.layers,
            "hidden_size": self.hidden_size,
            **feedforward,
            "hidden_dropout_prob": 0.0,
            "norm": "LayerNorm",
            "norm_eps": self.norm_eps,
            "norm_scheme": "pre",
            "nonlin": "GELU",
            "tie_weights": True,
            "decoder_bias": False,
            "sparse_prediction": 0.25,
            "loss": "cross-entropy",
            "objective_layout": "MLM",
            "embedding": {
                "vocab_size": self.vocab_size,
                "pos_embedding": self.positions,
                "dropout_prob": 0.0,
                "pad_token_id": 0,
                "max_seq_length": self.max_sequence_length,
                "embedding_dim": self.hidden_size,
                "normalization": True,
                "stable_low_precision": False,
            },
            "attention": {
                "type": "self-attention",
                "causal_attention": False,
                "num_attention_heads": self.heads,
                "dropout_prob": 0.0,
                "skip_output_projection": False,
                "qkv_bias": False,
                "rotary_embedding": False,
                "seq_op_in_fp32": False,
                "sequence_op": "torch-softmax",
            },
            "init": {"type": "normal", "std": self.init_std},
            "ffn_layer_frequency": 1,
            "skip_head_transform": True,
            "use_bias": False,
            "final_norm": True,
            "num_labels": None,
            "classification_head": {
                "pooler": "avg",
                "include_ff_layer": True,
                "head_dim": 1024,
                "nonlin": "Tanh",
                "classifier_dropout": 0.1,
            },
        }
        return {
            "arch": arch,
            "architectures": ["ScriptableLMForPreTraining"],
            "model_type": "crammedBERT",
            "torch_dtype": torch_dtype,
            "transformers_version": "4.34.0",
        }

    @staticmethod
    def from_hub(config: Mapping[str, Any]) -> "ModelConfig":
        """Reads a hub ``config.json``.

        Raises:
            ConfigError: a switch asks for a part that this code does not have.
        """
        arch = config.get("arch")
        if not isinstance(arch, Mapping):
            raise ConfigError("config.json has no object 'arch'.")
        embedding, attention = arch["embedding"], arch["attention"]
        required = {
            "use_bias": (arch.get("use_bias"), False),
            "decoder_bias": (arch.get("decoder_bias"), False),
            "skip_head_transform": (arch.get("skip_head_transform"), True),
            "final_norm": (arch.get("final_norm"), True),
            "nonlin": (arch.get("nonlin"), "GELU"),
            "embedding.normalization": (embedding.get("normalization"), True),
            "embedding.embedding_dim": (embedding.get("embedding_dim"), arch.get("hidden_size")),
            "attention.qkv_bias": (attention.get("qkv_bias"), False),
            "attention.causal_attention": (attention.get("causal_attention"), False),
            "attention.rotary_embedding": (attention.get("rotary_embedding"), False),
        }
        for key, (found, wanted) in required.items():
            if found != wanted:
                raise ConfigError(f"config.json has {key} = {found!r}; this code has only {wanted!r}.")
        is_fff = arch.get("intermed_type") == "fff"
        return ModelConfig(
            vocab_size=embedding["vocab_size"],
            hidden_size=arch["hidden_size"],
            layers=arch["num_transformer_layers"],
            heads=attention["num_attention_heads"],
            feedforward="fff" if is_fff else "dense",
            depth=arch["intermed_depth"] if is_fff else 0,
            trees=arch["intermed_size"] if is_fff else 1,
            width=0 if is_fff else arch["intermed_size"],
            max_sequence_length=embedding["max_seq_length"],
            positions=embedding["pos_embedding"],
            norm_eps=arch["norm_eps"],
        )

    @staticmethod
    def load_hub(directory: Path) -> "ModelConfig":
        """Reads ``config.json`` in ``directory``."""
        return ModelConfig.from_hub(json.loads((directory / "config.json").read_text("utf-8")))
