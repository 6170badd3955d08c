"""Which data loaders a program makes and reads; their batches are marked as data."""

from __future__ import annotations

from typing import Any

from torch.utils.data import DataLoader

from bayeswd.analysis.auditing.graph import places
from bayeswd.analysis.auditing.names import Names
from bayeswd.analysis.auditing.tape import Off, Tape


class Loaders:
    """made: in order. read: place in `made` -> batches taken. of_colour: colour -> place."""

    def __init__(self, tape: Tape, names: Names) -> None:
        self.tape, self.names = tape, names
        self.made: list[DataLoader[Any]] = []
        self.read: dict[int, int] = {}
        self.of_colour: dict[int, int] = {}

    def name(self, index: int) -> str:
        return self.names.of_object(self.made[index], f"loader {index}")

    def _add(self, loader: DataLoader[Any]) -> int:
        for index, one in enumerate(self.made):
            if one is loader:
                return index
        self.made.append(loader)
        self.names.objects.append(loader)
        return len(self.made) - 1

    def init(self, original: Any) -> Any:
        def init(loader: Any, *args: Any, **kwargs: Any) -> None:
            with Off(self.tape):
                original(loader, *args, **kwargs)
            self._add(loader)

        return init

    def iterator(self, original: Any) -> Any:
        def iterate(loader: Any) -> Any:
            with Off(self.tape):
                iterator = original(loader)
            iterator.__dict__["_read_by"] = loader
            return iterator

        return iterate

    def batch(self, original: Any) -> Any:
        def following(iterator: Any) -> Any:
            with Off(self.tape):
                batch = original(iterator)
                loader = iterator.__dict__.get("_read_by")
                if loader is not None:
                    self._mark(self._add(loader), batch, _length(loader))
            return batch

        return following

    def _mark(self, index: int, batch: Any, rows: int | None) -> None:
        self.read[index] = self.read.get(index, 0) + 1
        self.tape.book.all_data = False  # what loaders give is the data
        for place, one in places(batch):
            colour = self.tape.mark(one, f"loader {index} {place}", rows)
            self.of_colour[colour] = index


def _length(loader: Any) -> int | None:
    try:
        return len(loader.dataset)
    except (TypeError, AttributeError):
        return None
