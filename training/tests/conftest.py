"""Shared by all training tests: the import path, one thread, and where the repository's fixtures are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Small official checkpoints with expected intermediates."""
    return ROOT / "test" / "fixtures"
