"""A knob's reading as text: the objective, the prior, its numbers elsewhere, the line of Pyro."""

import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bayeswd import tables
from bayeswd.problem import formulas, knobs, settings
from bayeswd.problem.conventions import Elsewhere, Reading
from bayeswd.problem.knobs import Knob

_WIDTH = 100
_FEW = 8
_FAMILIES = {
    "gaussian": "Gaussian",
    "laplace": "Laplace",
    "elastic-net": "elastic net, exp(-|w|/b - w^2/(2 tau^2))",
    "flat": "flat (improper): no penalty, no prior",
}


def l1_share(row: Knob, reading: Reading) -> float | None:
    """0 for a Gaussian, 1 for a Laplace prior, the row's own for the flat one; None is both."""
    if reading.family == "flat":
        return settings.default_share(row.penalties[0])
    return {"gaussian": 0.0, "laplace": 1.0}.get(reading.family)


def source(
    knob: Knob,
    strength: float,
    reading: Reading,
    likelihood: str,
    given: Mapping[str, float | None],
) -> str:
    """The objective that the strength was read from, and what holds for that framework."""
    share = l1_share(knob, reading)
    own = likelihood == knob.likelihoods[0] and reading.family != "flat"
    lines = [
        ("objective", formulas.objective(knob, likelihood, share)),
        ("", knob.words if own and _is_own_penalty(knob, reading) else ""),
        ("with", _known(knob, likelihood, reading, given)),
        ("bias", _bias(knob, reading)),
        ("rescales", knob.rescales),
        ("status", knob.status + _evidence(knob)),
        ("note", knob.note),
    ]
    written = f"{knob.knob_for(share)} = {strength:g}"
    return f"{knob.name}, {written}: {knob.what}\n" + _aligned(lines)


def prior(reading: Reading, formula: str = "") -> str:
    """The family, the scale, the variance, and what they say about the weights."""
    scales = {"tau": reading.l2_scale, "b": reading.l1_scale}
    numbers = [f"{name} = {value:.6g}" for name, value in scales.items() if value is not None]
    if reading.family != "flat":
        numbers.append(f"variance {reading.variance:.6g}")
    lines = [
        ("family", _FAMILIES[reading.family]),
        ("formula", formula if reading.family != "flat" else ""),
        ("scale", ", ".join(numbers)),
        ("says", reading.says()),
    ]
    return "The prior on each weight\n" + _aligned(lines)


def elsewhere(found: Sequence[Elsewhere], likelihood: str | None, reading: Reading) -> str:
    """The same prior's number in every row that has one, then why the others have none."""
    stated = [each for each in found if each.strength is not None]
    silent = [each for each in found if each.strength is None]
    parts = []
    if stated:
        rows = [
            (each.row.name, _written(each), _bias_too(each, reading), each.row.status)
            for each in stated
        ]
        header = ("framework and object", "write", "bias too", "status")
        parts.append("The same prior elsewhere\n" + tables.text(rows, header))
    if len(found) == 1 and stated:
        row = found[0].row
        own = likelihood if likelihood in row.likelihoods else None
        objective = formulas.objective(row, own, l1_share(row, reading))
        parts.append(_aligned([("objective", objective), ("note", found[0].note)]))
    return "\n\n".join([*parts, _silent(silent)] if silent else parts)


def pyro(reading: Reading) -> str:
    """The lines of Pyro that state this prior; `shape` is that of the weights."""
    names = ["weight", "bias"] if reading.bias_penalized else ["weight"]
    return "In Pyro (shape: of the weights)\n" + "\n".join(
        f"  {line}" for name in names for line in pyro_lines(reading, name)
    )


def pyro_lines(reading: Reading, name: str = "weight") -> list[str]:
    """The statements that give a site of this name the prior."""
    l1, l2 = reading.l1_scale, reading.l2_scale
    shape = "shape" if name == "weight" else f"{name}_shape"
    if l1 is None and l2 is None:
        return [f'pyro.sample("{name}", dist.ImproperUniform(dist.constraints.real, (), {shape}))']
    law = f"Normal(0, {l2:.8g})" if l1 is None else f"Laplace(0, {l1:.8g})"
    site = f'pyro.sample("{name}", dist.{law}.expand({shape}).to_event())'
    if l1 is None or l2 is None:
        return [site]
    factor = f'pyro.factor("{name}_l2", -({name}**2).sum() / (2 * {l2:.8g}**2))'
    return [f"{name} = {site}", f"{factor}  # the L2 share, up to a constant"]


def listing(rows: Sequence[Knob]) -> str:
    """The prior that every row means and how it was checked; all there is to know about a few."""
    body = [
        (
            *(row.name, formulas.prior(row), "yes" if row.bias else "no", row.status),
            *(tables.number(row.residual, 2), tables.number(row.wrong_residual, 2)),
        )
        for row in rows
    ]
    header = ("name", "the prior it means", "bias", "status", "residual", "wrong map")
    parts = [f"{tables.text(body, header)}\n\n{LEGEND}"]
    return "\n\n".join([*parts, *map(details, rows)] if len(rows) <= _FEW else parts)


def details(row: Knob) -> str:
    """Everything that the table says about one row."""
    return f"{row.name}: {row.what}\n" + _aligned(
        [
            ("knob", f"{row.knob}, default {row.default}" if row.default else row.knob),
            ("objective", formulas.objective(row)),
            ("", row.words if row.data is not None else ""),
            ("prior", formulas.prior(row)),
            ("instead", row.instead.replace("{box}", "")),
            ("likelihood", " or ".join(row.likelihoods)),
            ("penalty", " or ".join(row.penalties)),
            ("bias", ("penalised" if row.bias else "not penalised") + _choice(row)),
            ("rescales", row.rescales),
            ("row weights", row.sample_weight),
            ("status", row.status + _evidence(row)),
            ("note", row.note),
            ("source", f"{knobs.versions()[row.framework]}; {row.source}"),
        ]
    )


LEGEND = """\
sigma noise sd, n training rows, K outputs, B batch size, rho l1_ratio, phi dispersion,
sd_x and sd_y standard deviations of column and target. bias: has it the same prior.
residual: relative gradient (or KKT distance) of the implied negative log posterior at weights
fitted by the framework; wrong map: the same under the commonest mistake.
More about a few rows: --list TEXT."""


def _bias_too(each: Elsewhere, reading: Reading) -> str:
    return "yes" if settings.bias_penalized(each.row, share=l1_share(each.row, reading)) else "no"


def _written(each: Elsewhere) -> str:
    assert each.strength is not None  # only rows that have a number are written
    ratio = "" if each.l1_ratio is None else f", l1_ratio = {each.l1_ratio:.6g}"
    penalty = "|w|_1" if each.l1_ratio is None else "elastic net"
    added = f" ({penalty} added to the loss)" if each.knob != each.row.knob else ""
    return f"{each.knob} = {each.strength:.6g}{ratio}{added}"


def _silent(found: Sequence[Elsewhere]) -> str:
    """The rows without a number, those that only lack one of ours first and by name."""
    needing: dict[str, list[str]] = defaultdict(list)
    for each in found:
        if each.note.startswith("give "):
            options = sorted(re.findall(r"\((--[a-z0-9-]+)\)", each.note))
            needing["needs " + " and ".join(options)].append(each.row.name)
    without = [each.row.name for each in found if each.row.status == knobs.NO_PRIOR]
    if without:
        needing["no Gaussian or Laplace prior"] = without
    rest = len(found) - sum(map(len, needing.values()))
    lines = [f"{why}: {', '.join(names)}" for why, names in needing.items()]
    if rest:
        rows = "row has" if rest == 1 else "rows have"
        lines.append(f"{rest} more {rows} another likelihood or penalty (--json says which)")
    return "Without a number here\n" + "\n".join(
        textwrap.fill(
            line, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        )
        for line in lines
    )


def _known(knob: Knob, likelihood: str, reading: Reading, given: Mapping[str, float | None]) -> str:
    """The numbers that the map used, and what the fit alone would have fixed."""
    symbols = knobs.symbols()
    names = [symbols[name].asks or name for name in formulas.depends_on(knob, likelihood)]
    letters = {symbol.asks or name: symbol.letter for name, symbol in symbols.items()}
    letters["momentum"] = "momentum"
    used = [f"{letters[n]} = {given[n]:g}" for n in names if given.get(n) is not None]
    sigma, tau = given.get("noise_scale"), reading.l2_scale
    if reading.family == "gaussian" and "noise_scale" in names and sigma and tau:
        used.append(f"of which the fit fixes only sigma^2/tau^2 = {(sigma / tau) ** 2:.6g}")
    return ", ".join(used)


def _bias(knob: Knob, reading: Reading) -> str:
    state = "penalised too: the same prior" if reading.bias_penalized else "not penalised: flat"
    return state + _choice(knob) if reading.bias_penalized == knob.bias else state


def _choice(knob: Knob) -> str:
    return f" ({knob.bias_choice})" if knob.bias_choice else ""


def _evidence(knob: Knob) -> str:
    if knob.residual is None:
        return f" ({knob.checked})" if knob.checked else ""
    wrong = f", {knob.wrong_residual:.1e} under the commonest wrong map"
    return f" (residual {knob.residual:.1e}{wrong if knob.wrong_residual is not None else ''})"


def _is_own_penalty(knob: Knob, reading: Reading) -> bool:
    own = {"l2": "gaussian", "l1": "laplace"}.get(knob.penalties[0], knob.penalties[0])
    return own == reading.family


def _aligned(lines: Sequence[tuple[str, str]]) -> str:
    """Label and text, wrapped; lines without a text are left out."""
    return "\n".join(
        textwrap.fill(
            text,
            _WIDTH,
            initial_indent=f"  {label:<12}",
            subsequent_indent=" " * 14,
            break_on_hyphens=False,
        )
        for label, text in lines
        if text
    )
