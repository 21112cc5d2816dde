"""Several GPUs for one run, optional: ``torchrun --nproc-per-node N -m fff_training.train ...``. One GPU is the default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Iterable

import torch
from torch import Tensor


@dataclass(frozen=True)
class World:
    """This process's place: ``rank`` of ``size``, and its device."""

    rank: int
    size: int
    device: torch.device

    @staticmethod
    def join(device: str = "") -> "World":
        """Joins the process group that torchrun describes, or stands alone."""
        size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        has_gpu = torch.cuda.is_available()
        chosen = torch.device(device) if device else torch.device(f"cuda:{local}" if has_gpu else "cpu")
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        if size > 1:
            torch.distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        return World(rank, size, chosen)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Averages gradients over all processes in one flat reduction."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()

    def agree(self, value: float) -> float:
        """The first process's value everywhere, so that all stop at the same step."""
        if self.size == 1:
            return value
        shared: Tensor = torch.tensor([value], dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(shared, 0)
        return float(shared.item())

    def leave(self) -> None:
        """Ends the process group."""
        if self.size > 1:
            torch.distributed.destroy_process_group()
