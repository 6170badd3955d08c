"""What each parameter does in the model, told by the call that uses it and never by its name."""

from __future__ import annotations

import torch

from bayeswd.analysis.auditing.branches import LossGraph
from bayeswd.analysis.auditing.graph import Call, Node
from bayeswd.analysis.auditing.replay import ReplayError, replay

NORMALISATIONS = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"}
EMBEDDINGS = {"embedding", "embedding_bag"}
RECURRENT = ("lstm", "gru", "rnn", "multi_head_attention")
LAYERS = ("linear", "bilinear", "conv")
SUMS = {"add", "add_", "sub", "sub_", "rsub", "__radd__", "__iadd__", "__isub__", "__rsub__"}
SAME = 1e-3  # of the outputs: a normalisation adds a little to the variance it divides by


def roles_of(graph: LossGraph) -> dict[int, str]:
    """ "weight", "bias" (added to what depends on data), "normalisation" or "embedding"."""
    penalties = {id(one.node) for one in _penalties(graph)}
    entrances = {id(node): node for node in graph.frontier if id(node) not in penalties}
    found: dict[int, set[str]] = {index: set() for index in range(len(graph.event.leaves))}
    for node in graph.nodes:
        if node.call is None or not graph.is_tainted(node):
            continue
        for parent in node.parents():
            if id(parent) in entrances:
                for index in graph.parameters_of(parent):
                    found[index].add(_role(node.call, parent))
    order = ("embedding", "normalisation", "weight", "bias")
    return {i: next((one for one in order if one in some), "weight") for i, some in found.items()}


def _penalties(graph: LossGraph) -> list:
    try:
        return graph.penalties
    except ReplayError:
        return []


def _role(call: Call, used: Node) -> str:
    if call.name in NORMALISATIONS:
        return "normalisation"
    if call.name in EMBEDDINGS:
        return "embedding"
    if call.name in SUMS:
        return "bias"
    if call.name.startswith(LAYERS):
        is_third = len(call.args) > 2 and call.args[2] is used
        return "bias" if is_third or call.kwargs.get("bias") is used else "weight"
    if call.name in ("addmm", "baddbmm", "addmv") and call.args[0] is used:
        return "bias"
    if call.name.startswith(RECURRENT) and len(used.shape) == 1:
        return "bias"
    return "weight"


def scale_invariant(graph: LossGraph, output: Node | None, roles: dict[int, str]) -> set[int]:
    """Weights w with f(c w) = f(w): behind them is a normalisation."""
    normalised = any(n.call is not None and n.call.name in NORMALISATIONS for n in graph.nodes)
    if output is None or not normalised:
        return set()
    before = _output(graph, output, None)
    found = set()
    for index, role in roles.items():
        if role == "weight" and graph.weights[index].ndim > 1 and index in graph.used:
            after = _output(graph, output, index)
            if float((after - before).norm()) <= SAME * float(before.norm()):
                found.add(index)
    return found


def _output(graph: LossGraph, output: Node, doubled: int | None) -> torch.Tensor:
    weights = {i: 2 * one if i == doubled else one for i, one in graph.weights.items()}
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return replay([output], graph.at(weights))[0]
