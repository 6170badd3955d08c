"""A program under observation: its forward passes, `backward`, optimizer steps and data loaders.

Nothing the program holds is changed and no random number is drawn. What is patched (`backward`,
`grad`, `Function.apply`, `torch.compile`, `DataLoader`) is put back at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.optim import Optimizer
from torch.optim import optimizer as optimizer_hooks
from torch.utils.data import DataLoader, dataloader

from bayeswd.analysis.auditing.cycles import Backward, Cycle, copied, is_kept
from bayeswd.analysis.auditing.injected import forces_of_hooks
from bayeswd.analysis.auditing.names import Names
from bayeswd.analysis.auditing.optimizer_steps import TakenStep
from bayeswd.analysis.auditing.tape import Off, Tape
from bayeswd.analysis.auditing.watched_loaders import Loaders


class Observation:
    """Use as a context; then read `cycles` and the tape."""

    def __init__(
        self,
        parameters: list[Tensor] | None = None,
        data: list[tuple[str, Tensor]] | None = None,
    ) -> None:
        self.tape = Tape(parameters, all_data=data is None)
        self.cycles: list[Cycle] = []
        self.n_cycles = self.n_backwards = 0
        self.optimizers: list[Optimizer] = []
        self.names = Names(self.tape)
        self.loaders = Loaders(self.tape, self.names)
        self.trained_on: set[int] = set()  # colours of the data in differentiated losses
        self.watching = True
        self._now = Cycle(0)
        self._undo: list[Callable[[], None]] = []
        self.data = data or []
        self.tape.on_cycle = self._close

    # -- context ----------------------------------------------------------------------------

    def __enter__(self) -> Observation:
        self._patch(torch.autograd, "backward", self._backward)
        self._patch(torch.autograd, "grad", self._grad)
        self._patch(torch.autograd.Function, "apply", self._function)
        self._patch(torch, "compile", lambda made: lambda model=None, **_: model or (lambda f: f))
        self._patch(DataLoader, "__init__", self.loaders.init)
        self._patch(DataLoader, "__iter__", self.loaders.iterator)
        self._patch(dataloader._BaseDataLoaderIter, "__next__", self.loaders.batch)
        for handle in (
            optimizer_hooks.register_optimizer_step_pre_hook(self._before_step),
            optimizer_hooks.register_optimizer_step_post_hook(self._after_step),
            module_hooks.register_module_forward_pre_hook(self._module_in),
        ):
            self._undo.append(handle.remove)
        self.tape.__enter__()
        return self

    def stop(self) -> None:
        """Watch no longer; what is patched is put back when the context ends."""
        self.tape.on = self.watching = False
        if self._now.backwards:
            self._close()

    def __exit__(self, *error: Any) -> None:
        self.tape.__exit__(*error)
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        if self._now.backwards:
            self._close()

    def given(self, rows: slice) -> list[Tensor]:
        """These rows of the data, marked as data: what a loss or a step is called with."""
        parts = []
        for name, whole in self.data:
            part = whole[rows].detach().clone()
            self.tape.mark(part, name)
            parts.append(part)
        return parts

    def differentiated(self, value: Tensor) -> None:
        """A loss that would be differentiated now: one cycle without update."""
        self._event([value], [None])
        self._now.end = []
        self.tape.next_cycle()

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        held = owner.__dict__[name]
        self._undo.append(lambda: setattr(owner, name, held))
        made = make(getattr(owner, name) if not isinstance(held, classmethod) else held.__func__)
        setattr(owner, name, classmethod(made) if isinstance(held, classmethod) else made)

    # -- losses -----------------------------------------------------------------------------

    def _backward(self, original: Any) -> Any:
        def backward(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> Any:
            losses = [tensors] if isinstance(tensors, Tensor) else list(tensors)
            seeds = [grad_tensors] if isinstance(grad_tensors, Tensor) else grad_tensors
            event = self._event(losses, list(seeds or [None] * len(losses)))
            injected = forces_of_hooks(self.tape, losses)
            with Off(self.tape):
                result = original(tensors, grad_tensors, *args, **kwargs)
            event.injected = injected()
            self._note_gradients()
            return result

        return backward

    def _grad(self, original: Any) -> Any:
        def grad(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.tape.on:  # torch calls it again, by this name, from within
                return original(outputs, inputs, *args, **kwargs)
            with Off(self.tape):
                result = original(outputs, inputs, *args, **kwargs)
            wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
            indices = [self.tape.slots.index_of(one) for one in wanted]
            if not kwargs.get("create_graph") and any(index is not None for index in indices):
                losses = [outputs] if isinstance(outputs, Tensor) else list(outputs)
                self._event(losses, [None] * len(losses))
                for index, one in zip(indices, result, strict=True):
                    if index is not None and one is not None:
                        self.tape.book.note(one, self.tape.node_like(one, gradient=index, own=True))
            return result

        return grad

    def _event(self, losses: list[Tensor], seeds: list[Any]) -> Backward:
        pairs = [(self.tape.node_of(one), seed) for one, seed in zip(losses, seeds, strict=True)]
        keep = self._is_kept()
        weights = [one.detach().clone() if keep else one for one in self.tape.params]
        event = Backward(pairs, list(self.tape.current), weights)
        self.n_backwards += 1
        self.trained_on.update(*(node.colours for node, _ in pairs))
        if not self._now.backwards and self.n_cycles and self.n_cycles < 3:
            self._now.stale = any(
                one.grad is not None and bool(one.grad.any()) for one in self.tape.params
            )
        self._now.backwards.append(event)
        if self.n_backwards <= 3:
            self.names.look_around()
        return event

    def _note_gradients(self) -> None:
        for index, param in enumerate(self.tape.params):
            if param.grad is not None:
                self.tape.note_gradient(index)

    def _close(self) -> None:
        """The cycle is over; some are kept whole, of the others only the count."""
        now = self._now
        if now.evaluations:  # a closure may be called again and again: one gradient, not a sum
            del now.backwards[now.evaluations[0] :]
        now.end = [copied(node) for node in self.tape.current]
        if now.backwards:
            if self._is_kept():
                self.cycles.append(now)
            self.n_cycles += 1
        self._now = Cycle(self.n_cycles)

    def _is_kept(self) -> bool:
        return is_kept(self.n_cycles)

    # -- optimizers, functions, modules -----------------------------------------------------

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> Any:
        if not self._watched(optimizer):
            return None
        self.tape.on = False
        closure = kwargs.get("closure") or (args[1] if len(args) > 1 else None)
        if self.tape.slots.updated and closure is not None:
            self.tape.next_cycle()  # the forward pass is inside the step
        self._step = TakenStep(optimizer, closure is not None)
        self._now.steps.append(self._step)
        if closure is None:
            return None

        def watched() -> Any:
            self.tape.on = True
            try:
                with torch.enable_grad():
                    return closure()
            finally:
                self.tape.on = False
                self._now.evaluations.append(len(self._now.backwards))

        return (args[0], watched), {k: v for k, v in kwargs.items() if k != "closure"}

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._watched(optimizer):
            self.tape.note_step(self._step)
            self.tape.on = True

    def _watched(self, optimizer: Optimizer) -> bool:
        """Not while the evidence is gathered: there copies of optimizers take steps."""
        if self.watching and not any(one is optimizer for one in self.optimizers):
            self.optimizers.append(optimizer)
        return self.watching

    def _function(self, original: Any) -> Any:
        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.tape.on:
                return original(cls, *args, **kwargs)

            def called(*values: Any, **options: Any) -> Any:
                return original(cls, *values, **options)

            called.__name__ = cls.__name__
            return self.tape.record(called, args, kwargs)

        return apply

    def _module_in(self, module: nn.Module, args: Any) -> None:
        if self.n_cycles < 2:
            self.names.add_module(module)

    @property
    def first_weights(self) -> dict[int, Tensor]:
        """Each parameter at the first call of backward that it was known at."""
        found: dict[int, Tensor] = {}
        for cycle in self.cycles[:2]:
            for event in cycle.backwards:
                for index, value in enumerate(event.weights):
                    found.setdefault(index, value)
        return found
