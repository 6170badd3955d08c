"""The loop that every training road shares: advance, look, stop; then the estimate.

The stopping rule is the certificate's KKT residual, taken on all rows whatever a step saw.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import certificate
from bayeswd.problem.objective import Problem
from bayeswd.results import Estimate

Params = Mapping[str, Tensor]

CHECK_EVERY = 10  # steps between two looks at the residual
ENOUGH_GAP = 0.05  # nats from the optimum: where a run without a rest point counts as converged


class Loop:
    """One run: `params` are live tensors, which `advance` changes by one step.

    observe: told (step, params, residual) at each look.
    limit: says which step size would have been stable, for the error of a diverged run.
    """

    def __init__(
        self,
        problem: Problem,
        params: Params,
        advance: Callable[[], object],
        observe: Callable[[int, Params, float], object],
        limit: Callable[[], str],
    ) -> None:
        self._problem, self._params, self._advance = problem, params, advance
        self._observe, self._limit = observe, limit
        self._force_at_zero = certificate.largest_force(problem)
        self._history: list[tuple[int, float]] = []
        self._residual = math.inf
        self._steps = 0

    def run(
        self, steps: int, tolerance: float, every: int = CHECK_EVERY, progress: bool = False
    ) -> None:
        """Advance until the residual, taken `every` so many steps, is within `tolerance`.

        For at most `steps`; `progress` writes a line to stderr about every two seconds.
        """
        record_at, spoken = 0, time.perf_counter()
        for step in range(steps + 1):
            self._steps = step
            if step == record_at:
                self._record()
                record_at = max(step + 1, int(1.07 * step))  # each of 14, then about 34 for 10x
            if step % every == 0 or step == steps:
                self._look()
                if self._residual <= tolerance or step == steps:
                    break
                self._observe(step, self._params, self._residual)
                if progress and time.perf_counter() - spoken > 2:
                    spoken = time.perf_counter()
                    self._speak()
            self._advance()
        if self._history[-1][0] != self._steps:
            self._record()

    def estimate(
        self,
        method: str,
        note: str,
        tolerance: float,
        seconds: float,
        further: Callable[[Params], Params] | None = None,
    ) -> Estimate:
        """What the run came to, certified.

        further: for a run without a rest point, finds better weights from where it ended. They
            are a witness for the certificate, and the run counts as converged if they gain little.
        """
        params = {name: value.detach().clone() for name, value in self._params.items()}
        witness = None if further is None else further(params)
        certified = certificate.certify(self._problem, params, witness)
        near = witness is not None and self._gain(params, witness) <= ENOUGH_GAP
        return Estimate(
            method=method,
            params=params,
            objective=self._history[-1][1],
            certificate=certified,
            converged=self._residual <= tolerance or near,
            seconds=seconds,
            steps=self._steps,
            history=tuple(self._history),
            note=note,
        )

    def _gain(self, params: Params, witness: Params) -> float:
        return float(self._problem.objective(params) - self._problem.objective(witness))

    @torch.no_grad()
    def _record(self) -> None:
        self._history.append((self._steps, float(self._problem.objective(self._params))))

    def _look(self) -> None:
        gradient = self._problem.misfit_gradient(self._params)
        self._residual = certificate.kkt_residual(
            self._problem, self._params, gradient, self._force_at_zero
        )
        if not math.isfinite(self._residual):
            raise InputError(
                f"training diverged: after {self._steps} steps the weights or their gradient are "
                f"not finite; {self._limit()}"
            )

    def _speak(self) -> None:
        text = f"step {self._steps:,}: KKT residual {self._residual:.1e}"
        print(text, file=sys.stderr, flush=True)


def default_tolerance(problem: Problem) -> float:
    """The KKT residual to stop at, some thousand roundings above 0."""
    return 1e-12 if problem.inputs.dtype == torch.float64 else 1e-5


def live_start(problem: Problem, start: Params | None) -> dict[str, Tensor]:
    """The weights to begin from: the model's own, or `start`, checked."""
    own = problem.initial
    if start is None:
        return own
    if set(start) != set(own):
        raise InputError(
            f"start names {', '.join(map(repr, start))}; the problem's parameters are "
            f"{', '.join(map(repr, own))}."
        )
    for name, value in start.items():
        if value.shape != own[name].shape:
            raise InputError(
                f"start[{name!r}] has shape {tuple(value.shape)}; the parameter has "
                f"{tuple(own[name].shape)}."
            )
    return {name: start[name].detach().to(own[name], copy=True) for name in own}
