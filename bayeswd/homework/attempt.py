"""One answer under judgement: the exercise, what was asked, what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bayeswd.homework import answers
from bayeswd.homework.answers import Parts
from bayeswd.homework.calls import Argument, Call, Observation
from bayeswd.homework.exercise import Exercise, Formula, natural
from bayeswd.homework.feedback import Evidence
from bayeswd.homework.inert import one_line


@dataclass(frozen=True, eq=False)
class Attempt:
    """`calls` are `exercise.calls(random)`; `observations` are of them, one by one."""

    exercise: Exercise
    calls: Sequence[Call]
    observations: Sequence[Observation]
    hidden: bool = True

    @cached_property
    def given(self) -> list[Parts | None]:
        """What is compared with a formula, call by call."""
        paired = self.exercise.twin is not None
        return answers.compared([seen.parts for seen in self.observations], paired)

    @cached_property
    def wanted(self) -> list[Parts | None]:
        """The same of the first right answer."""
        first = self.exercise.accepted[0].formula
        return [self.formula_at(first, at) for at in range(len(self.calls))]

    @cached_property
    def public(self) -> int:
        """How many of the calls everybody may see: the first ones."""
        return len(self.exercise.public_calls()) if self.hidden else len(self.calls)

    def formula_at(self, formula: Formula, at: int) -> Parts | None:
        """What a formula gives for one call, as it is compared; None where it has no value."""
        paired = self.exercise.twin is not None
        calls = self.calls[at - at % 2 : at - at % 2 + 2] if paired else self.calls[at : at + 1]
        return answers.compared([answers.of_formula(formula, call) for call in calls], paired)[0]

    def agrees(self, formula: Formula, part: int | None = None) -> bool:
        """Whether the answer is this formula, on every call where the formula has a value."""
        compared = 0
        for at, given in enumerate(self.given):
            wanted = self.formula_at(formula, at)
            if wanted is not None:
                compared += 1
                if not self.one_agrees(given, wanted, part):
                    return False
        return compared > 0

    def one_agrees(
        self, given: Parts | None, wanted: Parts | None, part: int | None = None
    ) -> bool:
        tolerance = self.exercise.tolerance
        if part is None or given is None or wanted is None or len(given) != len(wanted):
            return answers.agree(given, wanted, tolerance)
        return answers.part_agrees(given[part], wanted[part], tolerance)

    def broken(self, at: int) -> str:
        """Why the answer to one call does not pass the exercise's own test; "" if it does."""
        check, given = self.exercise.check, self.observations[at].parts
        assert check is not None
        if any(part.values is None or not answers.is_finite(part) for part in given):
            return "it is not finite"
        parts = [natural(Argument("float64", part.shape, part.values or ())) for part in given]
        return check(*map(natural, self.calls[at].arguments or ()), *parts)

    def evidence(self, at: int) -> Evidence:
        """One call in words."""
        call = self.calls[at]
        names, values = self.exercise.argument_names, call.arguments or ()
        said = [
            f"{name} = {answers.in_words(value)}" for name, value in zip(names, values, strict=True)
        ]
        expected = answers.of_formula(self.exercise.accepted[0].formula, call) or ()
        return Evidence(
            input=", ".join(said),
            got=one_line(_seen(self.observations[at]), 500),
            expected=_in_words(expected),
            public=at < self.public,
        )


def _seen(observation: Observation) -> str:
    if observation.error_type:
        return f"{observation.error_type}: {observation.error}"
    return _in_words(observation.parts)


def _in_words(parts: Parts) -> str:
    return ", ".join(answers.in_words(part) for part in parts)
