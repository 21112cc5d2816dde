"""The training loop: schedule, optimizer step, log, checkpoint and exact resume."""

from __future__ import annotations

import json
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ContextManager, Dict, List, Optional

import torch
from safetensors.torch import load_file, save_file

from .checkpoint import load_model, state_from_hub
from .config import ConfigError
from .data import TokenStore, generator_for, mask_batch, mask_count
from .distributed import World
from .heldout import HeldOut, quick_losses
from .model import MaskedLanguageModel
from .objective import Objective, parameter_groups
from .settings import TrainSettings, learning_rate, mask_rate, noise_scale


class Trainer:
    """One run: model, optimizer, schedule, log, checkpoint.

    Args:
        settings: the recipe.
        store: training tokens.
        out: folder of log and checkpoint.
        world: this process among its peers.
        heldout: held-out tokens for quick evaluations, or None.
        deadline: ``time.time()`` at which training must have ended, or 0; the schedule shrinks to meet it.
        pause_at: ``time.time()`` at which the run stops unfinished, to be resumed later with its schedule unchanged, or 0.
    """

    def __init__(
        self,
        settings: TrainSettings,
        store: TokenStore,
        out: Path,
        world: World,
        heldout: Optional[HeldOut] = None,
        deadline: float = 0.0,
        pause_at: float = 0.0,
    ) -> None:
        self.settings, self.store, self.out, self.world, self.heldout = settings, store, out, world, heldout
        self.deadline, self.pause_at = deadline, pause_at
        self.finished = False
        out.mkdir(parents=True, exist_ok=True)
        self.model = MaskedLanguageModel(settings.model, settings.form, seed=settings.seed).to(world.device)
        if settings.start_from:
            self._start_from(Path(settings.start_from))
        teacher = load_model(Path(settings.teacher)).to(world.device) if settings.teacher else None
        self.objective = Objective(self.model, settings, teacher)
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.model, settings),
            lr=settings.learning_rate,
            betas=settings.betas,
            **({"fused": True} if world.device.type == "cuda" else {}),
        )
        self.average = [value.detach().clone() for value in self.model.parameters()] if settings.ema else []
        self.step, self.tokens, self.elapsed = 0, 0, 0.0
        self.losses: List[float] = []
        self._log_file = (out / "log.jsonl").open("a", encoding="utf-8") if world.rank == 0 else None

    def _start_from(self, folder: Path) -> None:
        source = state_from_hub(load_file(str(folder / "model.safetensors")))
        own = self.model.state_dict()
        taken = {
            name: source[name].to(own[name].dtype)
            for name in own
            if name in source and source[name].shape == own[name].shape
        }
        self.model.load_state_dict(taken, strict=False)

    def log(self, event: str, **values: Any) -> None:
        """Appends one line to ``log.jsonl`` and prints it."""
        if self._log_file is None:
            return
        line = json.dumps(
            {"event": event, "step": self.step, "tokens": self.tokens, "seconds": round(self.elapsed, 3), **values}
        )
        self._log_file.write(line + "\n")
        self._log_file.flush()
        print(line, flush=True)

    def autocast(self) -> ContextManager[Any]:
        """bf16 autocast, or nothing for fp32."""
        return (
            torch.autocast(self.world.device.type, torch.bfloat16)
            if self.settings.precision == "bf16"
            else nullcontext()
        )

    def is_packed(self, step: int) -> bool:
        """Whether a step's rows hold several texts."""
        every = self.settings.packed_every
        return every > 0 and step % every == every - 1

    def losses_of(self, step: int, progress: float) -> Any:
        """Loss parts of one step's batch; rows are divided among processes by seed."""
        settings, seed = self.settings, self.settings.seed * 97 + self.world.rank
        rows, length, packing = settings.batch // self.world.size, settings.length, None
        if self.is_packed(step):
            ids, packing = self.store.packed(
                step, seed, rows, length, settings.shortest, longest=settings.longest, line_share=settings.line_share
            )
        else:
            ids = self.store.windows(step, seed, rows, length, settings.line_share)
        count = mask_count(length, mask_rate(settings, progress))
        masked = mask_batch(ids, count, generator_for(seed + 5, step, self.world.device), packing)
        with self.autocast():
            return self.objective(masked)

    def warm_up(self) -> None:
        """Compiles every shape before the clock starts; leaves weights and random state as they were."""
        if not self.settings.compile:
            return
        start = time.monotonic()
        state = self._random_state()
        for step in (0, max(0, self.settings.packed_every - 1)):
            for progress in (0.0, 1.0):
                self.losses_of(step, progress).total.backward()
        self.optimizer.zero_grad(set_to_none=True)
        self._set_random_state(state)
        self._synchronize()
        self.log("compiled", compile_seconds=round(time.monotonic() - start, 2))

    def budget_seconds(self) -> float:
        """Training seconds of this run, shortened by the deadline."""
        seconds = self.settings.seconds
        if self.deadline:
            seconds = min(seconds, self.elapsed + max(1.0, self.deadline - time.time()))
        return self.world.agree(seconds)

    def run(self, stop_after: Optional[int] = None) -> Dict[str, Any]:
        """Trains to the end of the budget, or for ``stop_after`` steps (for tests); returns the last log values."""
        settings = self.settings
        self.model.train()
        self.warm_up()
        budget = self.budget_seconds()
        self.log(
            "start",
            settings=settings.to_dict(),
            budget_seconds=budget,
            parameters=parameter_count(self.model),
            device=device_name(self.world),
        )
        started, before = time.monotonic(), self.elapsed
        saved, evaluated, window = started, self._progress(budget), (started, self.tokens)
        steps = 0
        while True:
            progress = self._progress(budget)
            if progress >= 1.0 or (stop_after is not None and steps >= stop_after):
                self.finished = progress >= 1.0
                break
            if self.pause_at and self.world.agree(time.time()) >= self.pause_at:
                break
            rate = learning_rate(settings, progress)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["rate"]
            if settings.noise_from > 0:
                self.model.set_noise_scale(noise_scale(settings, progress))
            parts = self.losses_of(self.step, progress)
            parts.total.backward()
            self.world.average_gradients(self.model.parameters())
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            if self.average:
                torch._foreach_mul_(self.average, settings.ema)
                torch._foreach_add_(
                    self.average, [v.detach() for v in self.model.parameters()], alpha=1.0 - settings.ema
                )
            packed = self.is_packed(self.step)
            self.step += 1
            self.tokens += settings.batch * settings.length
            steps += 1
            if self.step % settings.log_every == 0:
                loss = float(parts.masked.item())
                now = time.monotonic()
                speed = (self.tokens - window[1]) / max(1e-9, now - window[0])
                window = (now, self.tokens)
                self.losses.append(loss)
                self.elapsed = before + now - started
                self.log(
                    "step",
                    loss=round(loss, 4),
                    balance=round(float(parts.balance.item()), 5),
                    norm=round(float(norm), 3),
                    rate=rate,
                    packed=packed,
                    tokens_per_second=round(speed),
                )
            self.elapsed = self.world.agree(before + time.monotonic() - started)
            if self.heldout is not None and self._progress(budget) - evaluated >= settings.evaluate_every:
                evaluated = self._progress(budget)
                self.log("heldout", **self._quick())
            if time.monotonic() - saved >= settings.save_seconds:
                saved = time.monotonic()
                self.save()
        self._synchronize()
        self.elapsed = before + time.monotonic() - started
        final = self._quick() if self.heldout is not None else {}
        self.log("end" if self.finished else "paused", **final)
        self.save()
        return final

    def _progress(self, budget: float) -> float:
        return self.tokens / self.settings.tokens if self.settings.tokens > 0 else self.elapsed / max(1e-9, budget)

    def _quick(self) -> Dict[str, float]:
        assert self.heldout is not None
        return quick_losses(self.evaluated_model(), self.heldout, self.settings.precision)

    def evaluated_model(self) -> MaskedLanguageModel:
        """The averaged weights where an average is kept, otherwise the weights as they are (eager, eval mode)."""
        with torch.random.fork_rng(devices=[]):  # Building a model draws random numbers; training must not notice.
            model = MaskedLanguageModel(self.settings.model, self.settings.form).to(self.world.device)
        model.load_state_dict(self.model.state_dict())
        for own, mean in zip(model.parameters(), self.average):
            own.data.copy_(mean)
        return model.eval()

    def save(self) -> None:
        """Writes ``checkpoint.pt`` and ``model/``, each moved into place when complete."""
        if self.world.rank:
            return
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "step": self.step,
            "tokens": self.tokens,
            "elapsed": self.elapsed,
            "random": self._random_state(),
            "settings": self.settings.to_dict(),
        }
        partial = self.out / "checkpoint.partial"
        torch.save(state, partial)
        os.replace(partial, self.out / "checkpoint.pt")
        folder = self.out / "model"
        folder.mkdir(exist_ok=True)
        model = self.evaluated_model()
        try:
            (folder / "config.json").write_text(json.dumps(model.config.to_hub(), indent=2) + "\n", "utf-8")
        except ConfigError:
            (folder / "settings.json").write_text(json.dumps(model.config.to_dict(), indent=2) + "\n", "utf-8")
        tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
        save_file(tensors, str(folder / "model.partial"), metadata={"format": "pt"})
        os.replace(folder / "model.partial", folder / "model.safetensors")

    def resume(self) -> bool:
        """Continues from ``checkpoint.pt`` in the output folder; False when there is none."""
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.world.device, weights_only=False)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.step, self.tokens, self.elapsed = state["step"], state["tokens"], state["elapsed"]
        self._set_random_state(state["random"])
        self.log("resumed")
        return True

    def _random_state(self) -> Dict[str, Any]:
        cuda = torch.cuda.get_rng_state() if self.world.device.type == "cuda" else None
        return {"cpu": torch.get_rng_state(), "cuda": cuda}

    def _set_random_state(self, state: Dict[str, Any]) -> None:
        torch.set_rng_state(state["cpu"].cpu())
        if state["cuda"] is not None and self.world.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"].cpu())

    def _synchronize(self) -> None:
        if self.world.device.type == "cuda":
            torch.cuda.synchronize()


def parameter_count(model: MaskedLanguageModel) -> int:
    """Distinct trained values."""
    return sum(value.numel() for value in model.parameters())


def device_name(world: World) -> str:
    """What the run ran on, for the log."""
    return torch.cuda.get_device_name(world.device) if world.device.type == "cuda" else "cpu"
