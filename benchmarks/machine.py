"""What a benchmark ran on: printed at the head of each table."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import torch


def described() -> str:
    """Processor, cores, load, versions and date, in one line."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, load {load} at the start; "
        f"Python {platform.python_version()}, torch {torch.__version__}; "
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    )


def _processor() -> str:
    """The name that the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
