"""Which engine draws from which posterior, and why: the exact one where there is one.

Engines are imported when they are chosen.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

from bayeswd.errors import InputError
from bayeswd.posterior import propriety
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.results import Draws

Engine = Callable[..., Draws]
Progress = Callable[[int, int], object]


def sample(
    problem: Problem,
    *,
    engine: ModuleType | Engine | None = None,
    chains: int | None = None,
    draws: int | None = None,
    warmup: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Draws:
    """Draws from the posterior, [chain, draw, *parameter], by the engine that suits the problem.

    engine: a module with a function `sample`, such as `bw.gibbs`, or such a function itself.
    chains, draws, warmup: default the engine's own. One that the engine has no use for (exact
        draws need no warm-up) is left out; `options` are passed on as they are.

    Draws.engine and Draws.why say which engine it was and why. Raises InputError.
    """
    propriety.require(problem, "sample")
    chosen, reason = pick(problem) if engine is None else (_function(engine), "")
    shared = {"chains": chains, "draws": draws, "warmup": warmup, "progress": progress}
    given = {name: value for name, value in shared.items() if value is not None}
    accepted = inspect.signature(chosen).parameters
    _require_known(chosen, accepted, options)
    passes_on = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in accepted.values())
    usable = {
        name: value
        for name, value in given.items()
        if name in accepted or (name == "progress" and passes_on)
    }
    drawn = chosen(problem, seed=seed, **usable, **options)
    return replace(drawn, why=f"{reason}; {drawn.why}") if reason else drawn


def pick(problem: Problem) -> tuple[Engine, str]:
    """The engine for a problem, and the reason in a few words."""
    if _is_conjugate(problem):
        from bayeswd.posterior import conjugate

        return conjugate.sample, "chosen for Gaussian noise without an L1 prior"
    if is_mixture(problem):
        from bayeswd.posterior import gibbs

        return gibbs.sample, "chosen for Gaussian noise with an L1 prior"
    from bayeswd.posterior import hmc

    return hmc.sample, f"chosen because {_without_closed_form(problem)}"


def _is_conjugate(problem: Problem) -> bool:
    priors = problem.priors.values()
    return _is_linear_gaussian(problem) and all(isinstance(p, (Gaussian, Flat)) for p in priors)


def is_mixture(problem: Problem) -> bool:
    """Whether the weights of a single linear-Gaussian output have an L1 part."""
    if problem.linear is None or not _is_linear_gaussian(problem):
        return False
    prior = problem.priors[problem.linear.weight]
    return isinstance(prior, (Laplace, ElasticNet)) and problem.targets.shape[1] == 1


def _is_linear_gaussian(problem: Problem) -> bool:
    return problem.linear is not None and isinstance(problem.likelihood, GaussianNoise)


def _without_closed_form(problem: Problem) -> str:
    if problem.linear is None:
        return "the model is not linear"
    if not isinstance(problem.likelihood, GaussianNoise):
        return f"the likelihood is {type(problem.likelihood).__name__}"
    kinds = sorted({type(prior).__name__ for prior in problem.priors.values()})
    several = " on several outputs" if problem.targets.shape[1] > 1 else ""
    return f"priors {' and '.join(kinds)}{several} leave no closed form"


def _function(engine: ModuleType | Engine) -> Engine:
    function = getattr(engine, "sample", None) if isinstance(engine, ModuleType) else engine
    if not callable(function):
        raise InputError(
            f"sample(engine={_name(engine)}): give a module with a function sample, such as "
            "gibbs, hmc or pyro_nuts, or such a function itself."
        )
    return function


def _require_known(engine: Engine, accepted: Any, options: dict[str, Any]) -> None:
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in accepted.values()):
        return
    unknown = [repr(name) for name in options if name not in accepted]
    if unknown:
        names = ", ".join(name for name in accepted if name != "problem")
        raise InputError(
            f"{_name(engine)} takes no option {', '.join(unknown)}; its options are {names}."
        )


def _name(engine: Any) -> str:
    """module.function as a person writes it, without the package."""
    if isinstance(engine, ModuleType):
        return engine.__name__.rpartition(".")[2]
    name = getattr(engine, "__qualname__", None)
    module = getattr(engine, "__module__", "").rpartition(".")[2]
    return repr(engine) if name is None else f"{module}.{name}"
