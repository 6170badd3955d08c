"""Reading a penalty as a prior.

The public names, in the order of the argument: state a problem, find its mode, find its
posterior, compare, report. Names are loaded when first used: importing bayeswd loads no torch.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

# public name -> module that holds it ("" as attribute: the module itself)
_HOMES: dict[str, tuple[str, str]] = {
    "datasets": ("bayeswd.problem.datasets", ""),
    "conventions": ("bayeswd.problem.conventions", ""),
    "Gaussian": ("bayeswd.problem.priors", "Gaussian"),
    "Laplace": ("bayeswd.problem.priors", "Laplace"),
    "ElasticNet": ("bayeswd.problem.priors", "ElasticNet"),
    "Flat": ("bayeswd.problem.priors", "Flat"),
    "GaussianNoise": ("bayeswd.problem.likelihoods", "GaussianNoise"),
    "Bernoulli": ("bayeswd.problem.likelihoods", "Bernoulli"),
    "Categorical": ("bayeswd.problem.likelihoods", "Categorical"),
    "Poisson": ("bayeswd.problem.likelihoods", "Poisson"),
    "Problem": ("bayeswd.problem.objective", "Problem"),
    "priors_from_optimizer": ("bayeswd.problem.from_torch", "priors_from_optimizer"),
    "from_estimator": ("bayeswd.problem.from_sklearn", "from_estimator"),
    "Moments": ("bayeswd.problem.moments", "Moments"),
    "certificate": ("bayeswd.estimate.certificate", ""),
    "exact": ("bayeswd.estimate.exact", ""),
    "ProximalSGD": ("bayeswd.estimate.proximal", "ProximalSGD"),
    "descent": ("bayeswd.estimate.descent", ""),
    "pyro_map": ("bayeswd.estimate.pyro_map", ""),
    "conjugate": ("bayeswd.posterior.conjugate", ""),
    "gibbs": ("bayeswd.posterior.gibbs", ""),
    "hmc": ("bayeswd.posterior.hmc", ""),
    "laplace_approximation": ("bayeswd.posterior.laplace_approximation", ""),
    "pyro_nuts": ("bayeswd.posterior.pyro_nuts", ""),
    "pyro_svi": ("bayeswd.posterior.pyro_svi", ""),
    "sample": ("bayeswd.posterior.choose", "sample"),
    "summarize": ("bayeswd.analysis.summarize", "summarize"),
    "to_datatree": ("bayeswd.posterior.with_arviz", "to_datatree"),
    "compare": ("bayeswd.analysis.equivalence", "compare"),
    "select": ("bayeswd.analysis.selection", "select"),
    "infer_strength": ("bayeswd.analysis.explain", "infer_strength"),
    "explain_difference": ("bayeswd.analysis.explain", "explain_difference"),
    "InStrengths": ("bayeswd.analysis.in_strengths", "InStrengths"),
    "audit": ("bayeswd.analysis.audit", ""),
    "homework": ("bayeswd.homework.notebook", ""),
    "plots": ("bayeswd.report.plots", ""),
    "InputError": ("bayeswd.errors", "InputError"),
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bayeswd' has no attribute {name!r}")
    module_name, attribute = _HOMES[name]
    module = import_module(module_name)
    value = getattr(module, attribute) if attribute else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Names(ModuleType):
    """`homework` names its checks, also after an import has bound the sub-package to it."""

    @property
    def homework(self) -> ModuleType:
        return import_module("bayeswd.homework.notebook")

    @homework.setter
    def homework(self, package: ModuleType) -> None: ...


sys.modules[__name__].__class__ = _Names
