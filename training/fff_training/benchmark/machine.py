"""What a measurement was taken on, in the fields of a `.fffbench` file (extension/runner/benchmark/environment.ts)."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch

REPOSITORY = Path(__file__).resolve().parents[3]
SIMD = re.compile(r"^(sse4_\d|avx.*|fma|f16c|amx.*|asimd.*|sve.*|i8mm|bf16|fphp)$")


def environment(device: torch.device, threads: int) -> Dict[str, Any]:
    """Never raises: what cannot be found out is null or empty."""
    cpuinfo = text_of("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    memory = {key: int(kb) * 1024 for key, kb in re.findall(r"^(\w+):\s+(\d+) kB", text_of("/proc/meminfo"), re.MULTILINE)}  # fmt: skip
    record: Dict[str, Any] = {
        "recordedAt": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),  # fmt: skip
        "cpu": model.group(1).strip() if model else platform.processor() or "unknown",
        "logicalCores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "simd": [flag for flag in flags.group(1).split() if SIMD.match(flag)] if flags else [],
        "caches": caches(),
        "memoryBytes": memory.get("MemTotal", 0),
        "availableMemoryBytes": memory.get("MemAvailable", 0),
        "os": f"{platform.system()} {platform.release()}",
        "architecture": {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64"}.get(
            platform.machine(), platform.machine()
        ),
        "loadAverage": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "nodeVersion": None,
        "onnxruntimeVersion": None,
        "kernelImplementation": None,
        "supportedImplementations": [],
        "modelHash": None,
        "version": version(),
        "commit": commit(),
        "remarks": remarks(device, threads),
    }
    if device.type == "cuda":
        record["gpu"] = torch.cuda.get_device_name(device)
    return record


def remarks(device: torch.device, threads: int) -> List[str]:
    """What must be known to read the figures, each in one sentence."""
    python = f"Python {platform.python_version()}, PyTorch {torch.__version__}"
    if device.type != "cuda":
        return [f"Measured with {python} on {threads} thread{'' if threads == 1 else 's'} of the processor."]
    properties = torch.cuda.get_device_properties(device)
    return [
        f"Measured with {python}, CUDA {torch.version.cuda}, driver {driver_version()}, on a GPU with "
        f"{properties.multi_processor_count} multiprocessors, {properties.L2_cache_size >> 20} MB of L2 and "
        f"{properties.total_memory >> 30} GB of memory.",
        "Times are the GPU's, between two events around a burst of calls; a burst of CUDA graphs includes no launches "
        "from Python, an eager one does.",
    ]


def caches() -> Dict[str, Optional[int]]:
    """Bytes of one instance as the first core sees it."""
    found: Dict[str, Optional[int]] = {"l1d": None, "l2": None, "l3": None}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (text_of(str(folder / name)).strip() for name in ("level", "type", "size"))
        key = "l1d" if (level, kind) == ("1", "Data") else {"2": "l2", "3": "l3"}.get(level)
        if key and re.fullmatch(r"\d+K", size):
            found[key] = int(size[:-1]) * 1024
    return found


def version() -> Optional[str]:
    """Version of this product."""
    found = re.search(r'"version":\s*"([^"]+)"', text_of(str(REPOSITORY / "package.json")))
    return found.group(1) if found else None


def commit() -> Optional[str]:
    """The repository's commit, read from git's own files: git may be missing."""
    git = REPOSITORY / ".git"
    head = text_of(str(git / "HEAD")).strip()
    if head.startswith("ref: "):
        reference = head[5:]
        packed = re.search(rf"^([0-9a-f]{{40,64}}) {re.escape(reference)}$", text_of(str(git / "packed-refs")), re.MULTILINE)  # fmt: skip
        head = text_of(str(git / reference)).strip() or (packed.group(1) if packed else "")
    return head if re.fullmatch(r"[0-9a-f]{40,64}", head) else None


def driver_version() -> str:
    """The GPU driver's version, or a question mark."""
    try:
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, timeout=10).stdout.splitlines()[0].strip()
    except (OSError, subprocess.SubprocessError, IndexError):
        return "?"


def text_of(file: str) -> str:
    """A file's text, or nothing where there is no such file."""
    try:
        return Path(file).read_text("utf-8")
    except OSError:
        return ""
