"""The class list: any CSV file with a header whose cells hold names, numbers or logins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayeswd.homework.grading.record import Record
from bayeswd.problem import csv_text


@dataclass(frozen=True)
class Person:
    """name: the first cell that is no number, else the first. keys: every cell, simplified."""

    name: str
    keys: frozenset[str]


def read(path: Path) -> list[Person]:
    """In the order of the file; InputError for what is no CSV file with a header."""
    people = []
    for _, cells in csv_text.open_text(str(path)).rows:
        filled = [cell.strip() for cell in cells if cell.strip()]
        if filled:
            name = next((cell for cell in filled if not cell.isdigit()), filled[0])
            keys = {simplified(cell) for cell in filled} | {
                simplified(cell.partition("@")[0]) for cell in filled if "@" in cell
            }
            people.append(Person(name, frozenset(keys - {""})))
    return people


def matched(
    people: Sequence[Person], records: Sequence[Record]
) -> list[tuple[Person, Record | None]]:
    """Each person with the submission whose number or name only this person's row has.

    Records that belong to nobody come last, with a person made from their own name.
    """
    shared = Counter(key for person in people for key in person.keys)
    owner = {key: person for person in people for key in person.keys if shared[key] == 1}
    found: dict[Person, Record] = {}
    others: list[tuple[Person, Record | None]] = []
    for record in records:
        person = _owner(record["submission"], owner)
        if record["status"] == "superseded":
            continue
        if person is None or person in found:
            others.append((Person(record["submission"]["student"], frozenset()), record))
        else:
            found[person] = record
    return [*((person, found.get(person)) for person in people), *others]


def simplified(text: str) -> str:
    """Letters and digits alone, in lower case: Doe, Jane and doejane are one."""
    return "".join(character for character in text.casefold() if character.isalnum())


def _owner(submission: Mapping[str, Any], owner: Mapping[str, Person]) -> Person | None:
    keys = (submission["id"], submission["student"], submission["student"].rpartition("/")[2])
    return next((owner[key] for key in map(simplified, keys) if key in owner), None)
