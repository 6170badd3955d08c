"""An exercise: what is asked, the right answers, and the wrong ones that have a name.

Formulas take the call's arguments as float64 tensors (or plain numbers and lists), and live in
the process that judges, never in the one that runs a student's code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

import torch

from bayeswd.homework.calls import Argument, Call, Observation

Arguments = tuple[Argument, ...]
Formula = Callable[..., Any]

COMMON = 2  # public draws, the same for everybody, after the special cases
DRAWS = 6  # hidden draws: as many as tell every two named formulas apart, one number each


@dataclass(frozen=True)
class Accepted:
    """A right answer. `name` tells it from other right ones ("the subgradient step")."""

    formula: Formula
    name: str = ""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer with a name.

    says: what it equals and where to look, without the right formula. kind: "misconception" for
    a wrong idea, "mistake" for a slip. credit: the share of the points it is worth.
    """

    code: str
    formula: Formula
    says: str
    kind: str = "mistake"
    credit: Fraction = Fraction(0)


@dataclass(frozen=True)
class Special:
    """A public input of its own; the first one of an exercise is its example."""

    family: str
    arguments: Arguments


@dataclass(frozen=True)
class Exercise:
    """One question of an assignment.

    id: the name that the student defines. interface: "l2_penalty(w)", or the id alone where a
    variable holds the answer. convention: what the prompt assumes, in one sentence.
    draw: random arguments of one call; None for a variable. draws: how many of them are hidden.
    twin: the same arguments at other weights; the answer then counts up to a constant, and only
        differences within such pairs are compared.
    parts: names of the values that are returned, where the answer is a tuple.
    gradient_of: the argument through which a gradient should flow.
    tolerance: largest error, relative to the largest number of a part.
    factors: named positive quantities of a call on which a wrong factor may depend.
    choices: letter -> text, of a multiple-choice question.
    draws_itself: whether an answer may draw random numbers of its own, such as a start.
    hint: where to look, said of a wrong answer that has no name.
    check: where an answer is not compared but tested: of a call's arguments and the parts, as
        tensors of the shapes that were given, "" if it is right, else what is broken in words.
    depends_on: ids of exercises whose answer this one calls.
    """

    id: str
    title: str
    prompt: str
    convention: str
    interface: str
    points: int
    accepted: tuple[Accepted, ...]
    mistakes: tuple[Mistake, ...] = ()
    draw: Callable[[Random], Arguments] | None = None
    draws: int = DRAWS
    specials: tuple[Special, ...] = ()
    twin: Callable[[Random, Arguments], Arguments] | None = None
    parts: tuple[str, ...] = ("the result",)
    gradient_of: int | None = None
    tolerance: float = 1e-4
    factors: Callable[..., Mapping[str, float]] | None = None
    choices: Mapping[str, str] | None = None
    depends_on: tuple[str, ...] = ()
    draws_itself: bool = False
    hint: str = ""
    check: Callable[..., str] | None = None

    @property
    def argument_names(self) -> tuple[str, ...]:
        inside = self.interface.partition("(")[2].rstrip(")")
        return tuple(name.strip() for name in inside.split(",") if name.strip())

    def changed_names(self, *seen: Observation) -> str:
        """The arguments that the student's code changed, such as "w and grad"; "" if none."""
        names = self.argument_names
        touched = sorted({at for each in seen for at, _ in each.changed})
        return " and ".join(names[at] for at in touched if at < len(names))

    def calls(self, random: Random) -> tuple[Call, ...]:
        """Public calls first, the same for everybody; then `draws` from `random`, one repeated."""
        if self.draw is None:
            return (Call(self.id, None),)
        public = self.public_calls()
        hidden = self._drawn(random, self.draws)
        size = len(hidden) // self.draws
        at = size * random.randrange(self.draws)  # asked twice: does it give the same once more?
        return (*public, *hidden, *hidden[at : at + size])

    def public_calls(self) -> tuple[Call, ...]:
        """The special cases and COMMON draws that nobody needs to guess."""
        if self.draw is None:
            return (Call(self.id, None),)
        random = Random(f"public {self.id}")
        specials = [
            call
            for each in self.specials
            for call in self._pair(random, each.arguments, each.family)
        ]
        return (*specials, *self._drawn(random, COMMON))

    def _drawn(self, random: Random, count: int) -> list[Call]:
        assert self.draw is not None
        return [
            call
            for _ in range(count)
            for call in self._pair(random, self.draw(random), "random inputs")
        ]

    def _pair(self, random: Random, arguments: Arguments, family: str) -> list[Call]:
        given = [arguments] if self.twin is None else [arguments, self.twin(random, arguments)]
        return [Call(self.id, each, len(self.parts), self.gradient_of, family) for each in given]


def natural(argument: Argument) -> Any:
    """An argument as formulas take it: a float64 tensor, a plain number, nested lists."""
    if argument.kind == "int":
        return int(argument.values[0])
    if argument.kind == "float":
        return argument.values[0]
    values = torch.tensor(argument.values, dtype=torch.float64).reshape(argument.shape)
    return values.tolist() if argument.kind == "list" else values
