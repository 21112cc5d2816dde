"""Model weights as safetensors in the hub's names, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .config import ModelConfig
from .model import MaskedLanguageModel

EMBEDDING = "encoder.embedding.word_embedding.weight"
DECODER = "decoder.weight"


class CheckpointError(ValueError):
    """A checkpoint that does not fit its configuration, with file and tensor named."""


def state_from_hub(tensors: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Renames hub tensors to our state dict: ``module.`` dropped, the tied embedding taken from whichever is stored."""
    state = {(name[len("module.") :] if name.startswith("module.") else name): value for name, value in tensors.items()}
    decoder = state.pop(DECODER, None)
    if decoder is not None and EMBEDDING not in state:
        state[EMBEDDING] = decoder
    return state


def load_model(directory: Path, form: str = "grouped") -> MaskedLanguageModel:
    """Reads ``config.json`` and ``model.safetensors`` of a hub folder into a float32 model in eval mode.

    An architecture that the hub layout cannot say (an experiment's) has ``settings.json`` instead of ``config.json``.

    Raises:
        CheckpointError: a tensor is missing, unknown or of another shape.
        ConfigError: the configuration asks for parts this code does not have.
    """
    settings = directory / "settings.json"
    if (directory / "config.json").exists() or not settings.exists():
        config = ModelConfig.load_hub(directory)
    else:
        config = ModelConfig.from_dict(json.loads(settings.read_text("utf-8")))
    return model_from_state(config, load_file(str(directory / "model.safetensors")), str(directory), form)


def model_from_state(
    config: ModelConfig, tensors: Dict[str, Tensor], origin: str, form: str = "grouped"
) -> MaskedLanguageModel:
    """Builds a float32 model in eval mode from hub-named tensors; ``origin`` names the source in errors."""
    model = MaskedLanguageModel(config, form)
    state = {name: value.to(torch.float32) for name, value in state_from_hub(tensors).items()}
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in state:
            raise CheckpointError(f"{origin} lacks tensor {name}.")
        if state[name].shape != value.shape:
            raise CheckpointError(f"{origin}: {name} is {list(state[name].shape)}, expected {list(value.shape)}.")
    for name in state:
        if name not in wanted:
            raise CheckpointError(f"{origin} has a tensor that the configuration does not: {name}.")
    model.load_state_dict(state)
    return model.eval()


def save_hub(model: MaskedLanguageModel, directory: Path, dtype: torch.dtype) -> int:
    """Writes ``config.json`` and ``model.safetensors`` (tied decoder left out) and returns the weights' bytes.

    Buffers keep float32: half precision would round the scale of attention, which training never did.
    """
    directory.mkdir(parents=True, exist_ok=True)
    names = {torch.float16: "float16", torch.float32: "float32", torch.bfloat16: "bfloat16"}
    config = model.config.to_hub(names[dtype])
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    trained = {name for name, _ in model.named_parameters()}
    state = {
        name: value.detach().to("cpu", dtype if name in trained else torch.float32).contiguous()
        for name, value in model.state_dict().items()
    }
    path = directory / "model.safetensors"
    save_file(state, str(path), metadata={"format": "pt"})
    path.chmod(0o644)
    return path.stat().st_size
