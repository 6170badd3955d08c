"""What prior is weight_decay=1e-4, and is sklearn's alpha the same number?

It depends on who writes it: sums or means, halves or none, n, K, the batch size. One prior is
stated in every framework below; then every row of the table, with the residual that proves it
(the gradient of the negative log posterior at weights which the framework fitted) and what that
residual becomes under the commonest wrong map.
"""

from typing import Any

import common

from bayeswd import tables
from bayeswd.problem import conventions, formulas, knobs

options = common.options(__doc__)
n, NOISE, STRENGTH = 1000, 0.5, 1e-4

# %% What weight_decay=1e-4 means: a prior so wide that it says next to nothing
known: dict[str, Any] = {"n": n, "noise_scale": NOISE}
for name in ("torch.SGD+MSELoss", "torch.SGD+CrossEntropyLoss", "sklearn.Ridge"):
    row = knobs.rows()[name]
    read = conventions.reading(name, STRENGTH, **known)
    print(f"{name}, {row.knob} = {STRENGTH:g}: tau = {read.scale:.4g} ({formulas.prior(row)})")

# %% The same Gaussian prior in every framework that can state it with what is known here
prior = conventions.reading("torch.SGD+MSELoss", STRENGTH, **known)
found = [conventions.elsewhere(name, prior, **known) for name in knobs.rows()]
numbers = [
    (each.row.name, f"{each.knob} = {each.strength:.6g}", formulas.objective(each.row, None, 0.0))
    for each in found
    if each.strength is not None and "gaussian" in each.row.likelihoods
]
print(f"\nN(0, {prior.scale:.4g}^2) with n = {n}, sigma = {NOISE}:")
print(tables.text(numbers, ("framework and object", "write", "it minimises")))

# %% The whole table
rows = knobs.rows().values()
body = [
    (
        *(row.name, formulas.prior(row), "yes" if row.bias else "no", row.status),
        *(tables.number(row.residual, 2), tables.number(row.wrong_residual, 2)),
    )
    for row in rows
]
print()
print(tables.text(body, ("name", "the prior it means", "bias", "status", "residual", "wrong")))

# %% The proof of every row: where its weights are under the right map, and under the wrong one
measured = [row for row in rows if row.status != knobs.NO_PRIOR and row.wrong_residual]
measured.sort(key=lambda row: (row.wrong_residual or 0) / (row.residual or 1))
with common.drawing(
    "rosetta_table",
    "Under the right map fitted weights are the mode of the posterior; under the wrong one not",
    options,
    columns=1,
    rows=2,
) as (axes, below):
    for part, panel in ((measured[::2], axes), (measured[1::2], below)):
        places = range(len(part))
        right, wrong = (
            [getattr(row, name) for row in part] for name in ("residual", "wrong_residual")
        )
        panel.hlines(places, right, wrong, color="0.85", zorder=0)
        panel.scatter(right, places, s=12, color=common.POSTERIOR, label="right map")
        panel.scatter(wrong, places, s=12, color=common.TRAINED, marker="D", label="wrong map")
        panel.set_yticks(places, [row.name for row in part], fontsize=4.5)
        panel.set(xscale="log", xlabel="relative gradient of the negative log posterior")
    axes.legend(loc="lower left")
