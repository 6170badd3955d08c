"""Chains that do not move: among hundreds of others a few of them hardly raise R-hat."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

ACCEPTANCE = 0.2  # mean acceptance rate of a chain below which it counts as stuck


def count(sample_stats: Mapping[str, Tensor]) -> int:
    """Chains that hardly ever moved; 0 of an engine that has no acceptance rate."""
    rates = sample_stats.get("acceptance_rate")
    if rates is None:
        return 0
    return int((rates.nan_to_num(nan=0.0).mean(1) < ACCEPTANCE).sum())


def clause(sample_stats: Mapping[str, Tensor]) -> str:
    """For `Draws.why`; empty where every chain moves."""
    found = count(sample_stats)
    if not found:
        return ""
    return (
        f"{found} of {len(sample_stats['acceptance_rate'])} chains are stuck (mean acceptance "
        f"below {ACCEPTANCE}), so that these draws are not from the posterior"
    )
