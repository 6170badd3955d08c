"""Engines by the short names that people type, and unknown noise for those that can sample it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from bayeswd.errors import InputError
from bayeswd.posterior import choose
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

# name -> module with a function `sample`
ENGINES = {
    "exact": "conjugate",
    "gibbs": "gibbs",
    "hmc": "hmc",
    "nuts": "pyro_nuts",
    "svi": "pyro_svi",
    "laplace": "laplace_approximation",
}
# what Draws.engine says of them
LONG_NAMES = {
    "conjugate": "exact",
    "normal-inverse-gamma": "exact",
    "pyro-nuts": "nuts",
    "pyro-svi": "svi",
    "laplace-full": "laplace",
}
# chains and draws enough for a table: long enough for R-hat, few enough for a file
SIZES = {
    "gibbs": {"chains": 32, "draws": 400},
    "hmc": {"chains": 32, "draws": 400},
    "nuts": {"chains": 4, "draws": 500},
}
OTHERWISE = {"chains": 4, "draws": 1000}
NOISE_MODELS = {
    "penalty-tied": "what a fixed penalty means at any sigma: tau^2 or b in proportion to sigma^2",
    "park-casella": "b in proportion to sigma",
    "fixed-scale": "tau or b as it is: improper, and refused, where weights fit without error",
}


@dataclass(frozen=True)
class Plan:
    """An engine that suits a problem: its name, its function, how much it draws, and why it."""

    name: str
    sample: Callable[..., Draws]
    chains: int
    draws: int
    warmup: int | None
    reason: str
    options: dict[str, Any] = field(default_factory=dict)

    def run(
        self, problem: Problem, *, seed: int = 0, progress: choose.Progress | None = None
    ) -> Draws:
        """The draws; Draws.why says why this engine. Raises InputError."""
        drawn = choose.sample(
            problem,
            engine=self.sample,
            chains=self.chains,
            draws=self.draws,
            warmup=self.warmup,
            seed=seed,
            progress=progress,
            **self.options,
        )
        return replace(drawn, why=f"{self.reason}; {drawn.why}")


def plan(
    problem: Problem,
    *,
    engine: str | None = None,
    noise_model: str | None = None,
    chains: int | None = None,
    draws: int | None = None,
    warmup: int | None = None,
) -> Plan:
    """The engine that was named, or the one that suits; `noise_model` where sigma is unknown.

    Raises InputError for a name that there is not, and for unknown noise that the engine cannot
    sample; what a problem is refused for is said when the plan runs.
    """
    engine = LONG_NAMES.get(engine or "", engine)
    if engine is not None and engine not in ENGINES:
        raise InputError(f"no engine is called {engine!r}; there are {', '.join(ENGINES)}.")
    if noise_model is not None:
        name, sample, options = _with_unknown_noise(problem, engine, noise_model)
        reason = f"sigma is unknown, {noise_model}"
    elif engine is None:
        sample, reason = choose.pick(problem)
        name, options = _name_of(sample), {}
    else:
        name, reason, options = engine, "asked for", {}
        sample = _module(ENGINES[engine]).sample
    size = SIZES.get(name, OTHERWISE)
    return Plan(
        name=name,
        sample=sample,
        chains=size["chains"] if chains is None else chains,
        draws=size["draws"] if draws is None else draws,
        warmup=warmup,
        reason=reason,
        options=options,
    )


def _with_unknown_noise(
    problem: Problem, engine: str | None, noise_model: str
) -> tuple[str, Callable[..., Draws], dict[str, Any]]:
    if noise_model not in NOISE_MODELS:
        raise InputError(
            f"no model of unknown noise is called {noise_model!r}; there are "
            f"{', '.join(NOISE_MODELS)}."
        )
    if not isinstance(problem.likelihood, GaussianNoise):
        raise InputError(
            f"unknown noise: a {problem.likelihood.family} likelihood has no noise scale to sample."
        )
    has_l1 = any(prior.l1_rate for prior in problem.priors.values())
    fitting = "gibbs" if has_l1 else "exact"
    if engine not in (None, fitting):
        raise InputError(
            f"unknown noise: the engine {engine} draws at a known sigma; under this prior "
            f"{fitting} samples sigma too."
        )
    if has_l1:
        gibbs = _module("gibbs")
        model = getattr(gibbs, noise_model.replace("-", "_"))
        return "gibbs", gibbs.sample, {"noise": model()}
    if noise_model == "fixed-scale":
        raise InputError(
            "unknown noise, fixed-scale: under a Gaussian prior no engine here keeps tau while "
            "sigma varies, and where the weights fit every row that posterior is improper; a "
            "penalty fixes sigma^2 / tau^2: use penalty-tied."
        )
    return "exact", _module("normal_inverse_gamma").sample, {}


def _module(name: str) -> Any:
    return import_module(f"bayeswd.posterior.{name}")


def _name_of(sample: Callable[..., Draws]) -> str:
    module = sample.__module__.rpartition(".")[2]
    return next(name for name, known in ENGINES.items() if known == module)
