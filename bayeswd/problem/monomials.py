"""Products of powers such as `strength*l2_ratio/(2*n)`: the algebra knobs are written in.

A knob's factors are data, so they are parsed, never evaluated as code: the only operations are
`*`, `/` and integer powers of names and numbers.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from bayeswd.errors import InputError


@dataclass(frozen=True)
class Monomial:
    """`factor * product of name**power`, names with power 0 left out."""

    factor: float = 1.0
    powers: Mapping[str, int] = field(default_factory=dict)

    def __mul__(self, other: "Monomial") -> "Monomial":
        powers = dict(self.powers)
        for name, power in other.powers.items():
            powers[name] = powers.get(name, 0) + power
        kept = {name: power for name, power in powers.items() if power}
        return Monomial(self.factor * other.factor, kept)

    def __pow__(self, exponent: int) -> "Monomial":
        powers = {name: power * exponent for name, power in self.powers.items() if exponent}
        return Monomial(self.factor**exponent, powers)

    def __truediv__(self, other: "Monomial") -> "Monomial":
        return self * other**-1

    def without(self, *names: str) -> "Monomial":
        """The same product with these names set to 1."""
        return Monomial(self.factor, {k: v for k, v in self.powers.items() if k not in names})

    def value(self, symbols: Mapping[str, float]) -> float:
        """The number it comes to; KeyError names a missing symbol."""
        return self.factor * math.prod(symbols[name] ** p for name, p in self.powers.items())

    def text(self, letters: Mapping[str, str] | None = None) -> str:
        """The formula for a reader, `2 sigma^2/(n K lambda)`.

        `letters` renames symbols, and its order is theirs.
        """
        letters = letters or {}
        order = [
            *(name for name in letters if name in self.powers),
            *(self.powers.keys() - letters),
        ]
        ranked = {letters.get(name, name): self.powers[name] for name in order}
        over = [_power(letter, p) for letter, p in ranked.items() if p > 0]
        under = [_power(letter, -p) for letter, p in ranked.items() if p < 0]
        if self.factor >= 1:
            over = [*_unless_one(self.factor), *over]
        else:
            under = [*_unless_one(1 / self.factor), *under]
        top, bottom = " ".join(over) or "1", " ".join(under)
        if not bottom:
            return top
        return f"{top}/({bottom})" if len(under) > 1 else f"{top}/{bottom}"


def _power(letter: str, power: int) -> str:
    return letter if power == 1 else f"{letter}^{power}"


def _unless_one(factor: float) -> list[str]:
    return [] if factor == 1 else [f"{factor:g}"]


@cache
def parse(text: str) -> Monomial:
    """Read a product of powers; InputError for anything else, sums and calls included."""
    try:
        return _read(ast.parse(text, mode="eval").body)
    except (SyntaxError, TypeError):
        raise InputError(f"{text!r} is not a product of powers of names and numbers") from None


def _read(node: ast.expr) -> Monomial:
    match node:
        case ast.Name(id=name):
            return Monomial(powers={name: 1})
        case ast.Constant(value=int() | float() as number):
            return Monomial(float(number))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _read(left) * _read(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _read(left) / _read(right)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as exponent)):
            return _read(left) ** exponent
    raise TypeError(ast.dump(node))
