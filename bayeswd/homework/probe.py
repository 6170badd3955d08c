"""Ask a student's code, and write down what it gave as plain data.

Runs in the process that holds the student's code, so it knows no answers and judges nothing.
Whatever the student's objects do when touched, `observe` returns.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy
import torch

from bayeswd.homework.calls import MAX_NUMBERS, Argument, Call, Observation, Returned
from bayeswd.homework.plain import MAX_DIMENSIONS, MAX_TEXT

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_SCALARS = frozenset(numpy.sctypeDict.values())
_LONGEST_LIST = 512  # as nested lists; a longer one should be a tensor
_MISSING = object()
_NAME = type.__dict__["__name__"]  # the name of a class, whatever its metaclass says


def observe(namespace: Mapping[str, Any], calls: Sequence[Call]) -> list[Observation]:
    """One observation for each call of what `namespace` defines; SystemExit counts as an error.

    After a KeyboardInterrupt nothing more is run: the calls that are left get the same observation.
    """
    seen: list[Observation] = []
    for call in calls:
        stopped = bool(seen) and seen[-1].error_type == "KeyboardInterrupt"
        seen.append(seen[-1] if stopped else _observe(namespace, call))
    return seen


def _observe(namespace: Mapping[str, Any], call: Call) -> Observation:
    try:
        found = _find(namespace, call.name)
        if found is _MISSING:
            return Observation("nothing")
        if call.arguments is None:
            return described(found, 1)
        if not callable(found):
            return Observation("defined", parts=(Returned(_type_name(found)),))
        return _called(found, call, namespace)
    except BaseException as error:  # an object that misbehaves when looked at
        return _failed(error, namespace, 0.0)


def _find(namespace: Mapping[str, Any], name: str) -> Any:
    """The module-level name, or that key of a dict called `answers`."""
    if name in namespace:
        return namespace[name]
    answers = namespace.get("answers")
    return answers.get(name, _MISSING) if type(answers) is dict else _MISSING


def _called(function: Any, call: Call, namespace: Mapping[str, Any]) -> Observation:
    assert call.arguments is not None
    given = [_built(argument) for argument in call.arguments]
    started = time.perf_counter()
    try:
        try:
            result = function(*given)
        except Exception as error:
            given = [_built(argument, as_numpy=True) for argument in call.arguments]
            result = _second_try(function, given, error)
    except BaseException as error:
        return _failed(error, namespace, time.perf_counter() - started)
    seen, leaf = described(result, call.parts), call.gradient_of
    gradient, note = (None, "") if leaf is None else _gradient(function, call.arguments, leaf)
    return Observation(
        seen.reached,
        parts=seen.parts,
        changed=_changed(call.arguments, given),
        gradient=gradient,
        gradient_note=note,
        seconds=time.perf_counter() - started,
    )


def _second_try(function: Any, given: list[Any], error: Exception) -> Any:
    """The same call with NumPy arrays for tensors; where that fails too, the first error."""
    if not any(isinstance(value, numpy.ndarray) for value in given):
        raise error
    try:
        return function(*given)
    except Exception:
        raise error from None


def _gradient(
    function: Any, arguments: Sequence[Argument], position: int
) -> tuple[Returned | None, str]:
    """The derivative of a second call's result, and why there is none."""
    given = [_built(argument) for argument in arguments]
    leaf = given[position].requires_grad_()
    try:
        with warnings.catch_warnings():  # of a style that takes the numbers out of the tensor
            warnings.simplefilter("ignore")
            result = function(*given)
        if not isinstance(result, torch.Tensor):
            return None, "the result is no tensor"
        if result.numel() != 1 or not result.requires_grad:
            return None, "the result has no gradient"
        (gradient,) = torch.autograd.grad(result.reshape(()), leaf, allow_unused=True)
    except BaseException as error:
        return None, _type_name(error)
    return (None, "the result has no gradient") if gradient is None else (_returned(gradient), "")


def _built(argument: Argument, as_numpy: bool = False) -> Any:
    """A fresh copy of an argument."""
    if argument.kind in ("float", "int"):
        return argument.values[0] if argument.kind == "float" else int(argument.values[0])
    array = numpy.array(argument.values, dtype=numpy.float64).reshape(argument.shape)
    if argument.kind == "numpy" or as_numpy:
        return array
    if argument.kind == "list":
        return array.tolist()
    return torch.tensor(array, dtype=getattr(torch, argument.kind))


def _changed(
    arguments: Sequence[Argument], given: Sequence[Any]
) -> tuple[tuple[int, Returned], ...]:
    after = [_returned(value) for value in given]
    return tuple(
        (index, now)
        for index, (argument, now) in enumerate(zip(arguments, after, strict=True))
        if (now.shape, now.values) != (argument.shape, argument.values)
    )


def described(result: Any, count: int) -> Observation:
    """A result as parts; a tuple or list of the length asked for is taken apart."""
    whole = count == 1 or type(result) not in (tuple, list) or len(result) != count
    parts = (_returned(result),) if whole else tuple(_returned(part) for part in result)
    plain = all(part.values is not None or part.type == "str" for part in parts)
    return Observation("type" if plain else "runs", parts=parts)


def _returned(value: Any, depth: int = 0) -> Returned:
    """A value as plain data; numbers only of the types whose methods are not the student's."""
    kind = type(value)
    if kind in (bool, int, float):
        return _number(value)
    if kind is str:
        return Returned("str", text=_short(value))
    if kind in (torch.Tensor, torch.nn.Parameter):
        return _tensor(value)
    if kind is numpy.ndarray or kind in _SCALARS:
        return _array(numpy.asarray(value), kind.__name__)
    if kind in (list, tuple) and depth < 2:
        return _sequence(value, depth)
    return Returned(_type_name(value))


def _number(value: float) -> Returned:
    name = type(value).__name__
    try:
        return Returned(name, name, values=(float(value),))
    except OverflowError:
        return Returned(name, name, text="it is too large for a float")


def _tensor(value: torch.Tensor) -> Returned:
    dtype = str(value.dtype).removeprefix("torch.")
    shape = tuple(int(size) for size in value.shape)
    fault = ""
    if value.dtype not in _FLOATS + _INTEGERS + (torch.bool,):
        fault = f"its dtype is {dtype}"
    elif value.layout is not torch.strided or value.device.type == "meta":
        fault = "it is no dense tensor with values"
    elif value.numel() > MAX_NUMBERS or len(shape) > MAX_DIMENSIONS:
        fault = f"it holds {value.numel()} numbers"
    if fault:
        return Returned("Tensor", dtype, shape[:MAX_DIMENSIONS], text=fault)
    numbers = value.detach().cpu().to(torch.float64).flatten().tolist()
    return Returned("Tensor", dtype, shape, tuple(numbers))


def _array(value: numpy.ndarray, name: str) -> Returned:
    dtype, shape = value.dtype.name, tuple(int(size) for size in value.shape)
    if value.dtype.kind not in "fiub":
        return Returned(
            name, dtype[:MAX_TEXT], shape[:MAX_DIMENSIONS], text=f"its dtype is {dtype}"
        )
    if value.size > MAX_NUMBERS or value.ndim > MAX_DIMENSIONS:
        fault = f"it holds {value.size} numbers"
        return Returned(name, dtype, shape[:MAX_DIMENSIONS], text=fault)
    numbers = value.astype(numpy.float64).ravel().tolist()
    return Returned(name, dtype, shape, tuple(numbers))


def _sequence(value: Sequence[Any], depth: int) -> Returned:
    """A list of numbers, or of equally long lists of them, as an array."""
    name = type(value).__name__
    if len(value) > _LONGEST_LIST:
        return Returned(name, text=f"it holds {len(value)} entries")
    parts = [_returned(part, depth + 1) for part in value]
    if not parts or any(part.values is None or part.shape != parts[0].shape for part in parts):
        return Returned(name, text="it is no list of numbers of one shape")
    numbers = tuple(number for part in parts for number in part.values or ())
    if len(numbers) > MAX_NUMBERS:
        return Returned(name, text=f"it holds {len(numbers)} numbers")
    return Returned(name, parts[0].dtype, (len(parts), *parts[0].shape), numbers)


def _failed(error: BaseException, namespace: Mapping[str, Any], seconds: float) -> Observation:
    line, file = _place(error.__traceback__, namespace)
    return Observation(
        "callable",
        error=_words(error),
        error_type=_type_name(error),
        line=line,
        file=file,
        seconds=seconds,
    )


def _words(error: BaseException) -> str:
    try:
        return _short(str(error))
    except BaseException:  # an exception whose __str__ raises
        return "(its text cannot be shown)"


def _place(traceback: TracebackType | None, namespace: Mapping[str, Any]) -> tuple[int | None, str]:
    """Line and file of the innermost frame that runs the student's own module."""
    line, file = None, ""
    while traceback is not None:
        if traceback.tb_frame.f_globals is namespace:
            line, file = traceback.tb_lineno, traceback.tb_frame.f_code.co_filename
        traceback = traceback.tb_next
    return line, _short(file.rpartition("/")[2])


def _type_name(value: Any) -> str:
    return _short(_NAME.__get__(type(value)))


def _short(words: str) -> str:
    """Text that can be carried: a plain str, cut, and without half surrogate pairs."""
    return str.__getitem__(words, slice(MAX_TEXT)).encode("utf-8", "replace").decode()
