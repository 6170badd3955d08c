"""Programs for the tests of audits of whole programs."""

import io
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

import bayeswd as bw
from bayeswd.analysis.audit import Audit

DATA = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
d, batch = 8, 5

def rows(n):
    x = torch.randn(n, d)
    return TensorDataset(x, x @ torch.full((d, 1), 0.3) + 0.05 + 0.1 * torch.randn(n, 1))

train = DataLoader(rows(20), batch_size=batch, shuffle=True)
"""
VALID = "valid = DataLoader(rows(30), batch_size=10)\n"


@pytest.fixture
def audited(tmp_path: Path) -> Callable[..., Audit]:
    """Write a program, by default after its data (and validation rows), and audit it."""

    def run(text: str, data: bool = True, valid: bool = False, **options: object) -> Audit:
        path = tmp_path / "train.py"
        path.write_text((DATA if data else "") + (VALID if valid else "") + dedent(text))
        return bw.audit.script(str(path), output=io.StringIO(), **options)  # type: ignore[arg-type]

    return run
