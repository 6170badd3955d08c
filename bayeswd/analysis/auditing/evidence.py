"""Everything that was measured on one observed program, before it is read as priors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bayeswd.analysis.auditing import branch_forces, penalties_compared
from bayeswd.analysis.auditing.branches import Branch, LossGraph
from bayeswd.analysis.auditing.cycles import Cycle
from bayeswd.analysis.auditing.data_term import DataTerm, data_term
from bayeswd.analysis.auditing.force_families import Pull, Weights, match, probes
from bayeswd.analysis.auditing.graph import Node
from bayeswd.analysis.auditing.moves import Update
from bayeswd.analysis.auditing.observation import Observation
from bayeswd.analysis.auditing.replay import ReplayError, wide
from bayeswd.analysis.auditing.roles import roles_of, scale_invariant
from bayeswd.analysis.auditing.update_pulls import Learned, learn

SEEN = 1e-5  # of a force seen in float32


@dataclass(eq=False)
class Evidence:
    """cycle: the one that is reported; graphs: its calls of backward; terms: their data terms.

    pulls: on parameters, from loss, hooks and update, each for one update. first: those of the
    first cycle where they differ from the last. troubles: what could not be measured, and why.
    roles: what each parameter does; invariant: weights that a normalisation rescales.
    n: training examples. rows: those behind one update.
    """

    observation: Observation
    cycle: Cycle
    graphs: list[LossGraph]
    terms: list[DataTerm]
    outputs: list[Node | None]
    pulls: list[Pull]
    learned: Learned | None
    n: int
    rows: int
    first: list[Pull] = field(default_factory=list)
    roles: dict[int, str] = field(default_factory=dict)
    invariant: set[int] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    per_example: bool = False
    varies: bool = False
    troubles: list[str] = field(default_factory=list)

    @property
    def first_weights(self) -> Weights:
        """At the first call of backward."""
        return self.observation.first_weights

    @property
    def last_weights(self) -> Weights:
        """At the end of the program."""
        return {i: wide(one.detach()) for i, one in enumerate(self.observation.tape.params)}

    @property
    def trained_elsewhere(self) -> set[int]:
        """Parameters that are updated and do not enter the loss that is reported."""
        used = {i for graph in self.graphs for i in graph.used}
        ends = [cycle.end for cycle in self.observation.cycles]
        moved = {i for end in ends for i, node in enumerate(end) if node.call is not None}
        return moved - used

    @property
    def some_graphs(self) -> list[LossGraph]:
        """A few batches."""
        cycles = self.observation.cycles
        return [LossGraph(one.backwards[0]) for one in cycles[:: max(1, len(cycles) // 6)]]

    def batch_rows(self, graph: LossGraph) -> int:
        return _batch_rows(graph)

    @property
    def term(self) -> DataTerm:
        return self.terms[0]

    @property
    def unit(self) -> float | None:
        """What turns a strength for one update into nats (times sigma^2 under Gaussian noise).

        (n / rows of an update) / precision of a row: a sum over the n examples, each once.
        """
        if not self.terms or not all(term.known for term in self.terms) or not self.rows:
            return None
        precision = sum(t.mean_precision * t.rows for t in self.terms) / self.rows
        return self.n / self.rows / precision if precision > 0 else None


def gather(observation: Observation, n: int | None = None, with_update: bool = True) -> Evidence:
    """Measure. Nothing of the program runs again but copies of its recorded calls."""
    cycles = [cycle for cycle in observation.cycles if cycle.backwards]
    guessed = observation.tape.book.all_data
    graphs = [[LossGraph(event, guessed) for event in cycle.backwards] for cycle in cycles]
    sizes = [sum(_batch_rows(graph) for graph in several) for several in graphs]
    full = max(sizes)
    last = max(place for place, size in enumerate(sizes) if size == full)
    first = min(place for place, size in enumerate(sizes) if size == full)
    troubles: list[str] = []
    found = [data_term_of(graph, troubles) for graph in graphs[last]]
    evidence = Evidence(
        observation,
        cycles[last],
        graphs[last],
        [term for term, _ in found],
        [output for _, output in found],
        loss_pulls(graphs[last], observation, troubles),
        None,
        n or _examples(graphs, cycles),
        sum(term.rows for term, _ in found) or full,
        troubles=troubles,
    )
    _compare_penalties(evidence, graphs, first, last)
    evidence.pulls += _hook_pulls(cycles, troubles)
    if with_update:
        _add_update(evidence, cycles)
    evidence.roles = roles_of(graphs[last][0])
    if not troubles:
        evidence.invariant = scale_invariant(graphs[last][0], evidence.outputs[0], evidence.roles)
    return evidence


def data_term_of(graph: LossGraph, troubles: list[str]) -> tuple[DataTerm, Node | None]:
    if graph.opaque:
        troubles.append("part of the loss was computed where it cannot be followed")
    if not graph.has_data:
        troubles.append("the loss does not depend on the data that were given")
        return DataTerm("unknown", note=troubles[-1]), None
    try:
        term, output = data_term(graph)
        return _by_example(term, _batch_rows(graph)), output
    except ReplayError as reason:
        troubles.append(f"the loss cannot be computed again ({reason})")
        return DataTerm("unknown", note=troubles[-1]), None


def _by_example(term: DataTerm, rows: int) -> DataTerm:
    """Rows are examples: words of a sentence, pixels of a picture are outputs of one."""
    if rows and term.rows > rows and term.rows % rows == 0:
        return replace(term, rows=rows, outputs=term.outputs * term.rows // rows)
    return term


def loss_pulls(
    graphs: Iterable[LossGraph], observation: Observation, troubles: list[str]
) -> list[Pull]:
    """The pull of every penalty in the losses of one cycle."""
    pulls: list[Pull] = []
    for graph in graphs:
        if not graph.has_data:
            continue
        try:
            for branch in graph.penalties:
                pulls += branch_pulls(graph, branch, observation)
        except ReplayError as reason:
            troubles.append(f"the loss cannot be computed again ({reason})")
    return pulls


def branch_pulls(graph: LossGraph, branch: Branch, observation: Observation) -> list[Pull]:
    points = probes({i: wide(one) for i, one in graph.weights.items()})
    forces = [branch_forces.force(graph, branch, point) for point in points]
    given = branch_forces.centres(graph, branch)
    centres = {
        i: [c for c in [*map(wide, given), *_start(observation, i)] if c.shape == one.shape]
        for i, one in graph.weights.items()
    }
    return match(points, forces, "loss", centres)


def _start(observation: Observation, index: int) -> list[Tensor]:
    first = observation.first_weights
    return [wide(first[index])] if index in first else []


def _compare_penalties(
    evidence: Evidence, graphs: list[list[LossGraph]], first: int, last: int
) -> None:
    """Whether they act, change on the way, come and go, or grow with the batch."""
    here = graphs[last]
    evidence.silent = penalties_compared.silent(here)
    evidence.per_example = any(penalties_compared.is_broadcast(graph) for graph in here)
    evidence.varies = penalties_compared.come_and_go([several[0] for several in graphs])
    if first != last:
        evidence.first = loss_pulls(graphs[first], evidence.observation, [])
    rows = [_batch_rows(several[0]) for several in graphs]
    smaller = [place for place, size in enumerate(rows) if 0 < size < rows[last]]
    if smaller:
        other = smaller[0]
        evidence.per_example |= penalties_compared.grows_with_rows(
            here[0], rows[last], graphs[other][0], rows[other]
        )


def _batch_rows(graph: LossGraph) -> int:
    """Rows of data behind one backward call: the most common length of the data that enter."""
    lengths = [one.shape[0] for one in graph.entering if one.shape]
    return max(lengths, key=lengths.count, default=0)


def _examples(graphs: list[list[LossGraph]], cycles: list[Cycle]) -> int:
    """n: how many rows the data have that the batches were picked from."""
    later = graphs[1:] or graphs
    entering = [one for several in later for graph in several for one in graph.entering]
    return max((one.rows or 0 for one in entering), default=0)


def _hook_pulls(cycles: list[Cycle], troubles: list[str]) -> list[Pull]:
    """What hooks added, matched on the weights that the program visited."""
    events = [event for cycle in cycles for event in cycle.backwards[:1] if event.injected]
    if not events:
        return []
    keys = sorted({key for event in events for key in event.injected})
    used = events[:8]
    points = [{key: wide(event.weights[key]) for key in keys} for event in used]
    forces = [
        {key: wide(event.injected.get(key, torch.zeros_like(points[0][key]))) for key in keys}
        for event in used
    ]
    if len(used) < 2:
        troubles.append("hooks change the gradient, and were seen at one point only")
    return match(points, forces, "hook", tolerance=SEEN)


def _add_update(evidence: Evidence, cycles: list[Cycle]) -> None:
    """From the first cycle, where whatever the program keeps by hand (momentum) is still 0."""
    update = Update(cycles[0])
    weights = {i: wide(one) for i, one in enumerate(cycles[0].backwards[-1].weights)}
    centres: dict[int, list[Tensor]] = {i: _start(evidence.observation, i) for i in weights}
    learned = learn(update, weights, centres)
    evidence.learned = learned
    evidence.pulls += learned.pulls
    if learned.trouble:
        evidence.troubles.append(learned.trouble)
    elif not learned.reacts:
        evidence.troubles.append("the update does not depend on the gradient of the loss")
