"""Programs with one mistake each, which is found; and a right one, where none is."""

from collections.abc import Callable

import pytest

from bayeswd.analysis.audit import Audit

Program = Callable[..., Audit]

FIT = """
net = nn.Linear(d, 1)
optimizer = torch.optim.SGD(net.parameters(), lr={lr})
for epoch in range({epochs}):
    for x, y in train:
        loss = {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(sum(({shown}).item() for x, y in valid) / len(valid), loss.item())
"""
MSE = "((net(x) - y) ** 2).mean()"
L1 = " + {} * net.weight.abs().sum()"
MISTAKES: list[tuple[str, dict[str, object], str]] = [
    ("too large a step", {"lr": 0.9, "loss": MSE, "shown": MSE}, "learning-rate-unstable"),
    ("too much L1", {"lr": 0.01, "loss": MSE + L1.format(50), "shown": MSE}, "above-lambda-max"),
    (
        "the penalty in the validation loss",
        {"lr": 0.01, "loss": MSE + L1.format(0.1), "shown": MSE + L1.format(0.1)},
        "penalty-in-validation-loss",
    ),
    (
        "halves on one side",
        {"lr": 0.01, "loss": MSE + " / 2", "shown": MSE},
        "loss-scales-differ",
    ),
    ("hardly a step", {"lr": 1e-6, "loss": MSE, "shown": MSE}, "never-moved"),
]


@pytest.mark.parametrize(("parts", "code"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistakes_of_a_program(parts: dict[str, object], code: str, audited: Program) -> None:
    found = audited(FIT.format(epochs=5, **parts), valid=True)
    assert found.has(code)
    assert not found.codes & ({m[2] for m in MISTAKES} - {code})


def test_the_right_program_raises_no_alarm(audited: Program) -> None:
    text = FIT.format(epochs=100, lr=0.05, loss=MSE + L1.format(0.1), shown=MSE)
    found = audited(text, valid=True)
    # what is left is true of it: MSE has no 1/2, and the printed training loss has the penalty
    assert found.codes == {"half-missing", "penalty-in-reported-loss"}
    assert found["weight"].strength == pytest.approx(0.1, rel=1e-9)
