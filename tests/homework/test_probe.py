"""The probe: plain numbers of honest objects, nothing of hostile ones, and never an exception."""

import json
import math

import pytest
import torch

from bayeswd.homework.calls import Call, Observation, number, tensor
from bayeswd.homework.probe import observe

HEAD = "import sys, os\nimport numpy as np\nimport torch\n"
W = tensor([1.0, -2.5, 0.5])


def seen(source, call=None, name="f"):
    namespace = {"__name__": "submission"}
    exec(compile(HEAD + source, "/somewhere/hw.py", "exec"), namespace)
    (observation,) = observe(namespace, [call or Call(name, (W,))])
    carried = json.dumps(observation.to_dict(), allow_nan=False)
    assert Observation.from_dict(json.loads(carried)).reached == observation.reached
    return observation


HONEST = {
    "return float(w.sum())": ("float", "float", (), (-1.0,)),
    "return int(3)": ("int", "int", (), (3.0,)),
    "return w.sum()": ("Tensor", "float32", (), (-1.0,)),
    "return w.sum().double()": ("Tensor", "float64", (), (-1.0,)),
    "return w[:2]": ("Tensor", "float32", (2,), (1.0, -2.5)),
    "return torch.nn.Parameter(w[:1])": ("Tensor", "float32", (1,), (1.0,)),
    "return np.array([[1, 2]])": ("ndarray", "int64", (1, 2), (1.0, 2.0)),
    "return np.float32(0.5)": ("float32", "float32", (), (0.5,)),
    "return [1.0, 2]": ("list", "float", (2,), (1.0, 2.0)),
    "return (w[0], w[1])": ("tuple", "float32", (2,), (1.0, -2.5)),
    "return [[1.0, 2.0], [3.0, 4.0]]": ("list", "float", (2, 2), (1.0, 2.0, 3.0, 4.0)),
    "return w.expand(2, 3)[:, ::2]": ("Tensor", "float32", (2, 2), (1.0, 0.5, 1.0, 0.5)),
    "return w.requires_grad_().sum()": ("Tensor", "float32", (), (-1.0,)),
}


@pytest.mark.parametrize(("body", "wanted"), HONEST.items())
def test_honest_results_are_numbers(body, wanted):
    observation = seen(f"def f(w): {body}")
    (part,) = observation.parts
    assert observation.reached == "type"
    assert (part.type, part.dtype, part.shape, part.values) == wanted


HOSTILE = {
    "always equal": "class E:\n    def __eq__(self, o): return True\n"
    "    def __float__(self): return 1.0\n    def __iter__(self): raise MemoryError\n"
    "    def __repr__(self): raise SystemExit\ndef f(w): return E()",
    "float subclass": "class E(float):\n    def __sub__(self, o): return 0.0\n"
    "def f(w): return E(3)",
    "str subclass": "class E(str): ...\ndef f(w): return E('b')",
    "numpy subclass": "class E(np.float64): ...\ndef f(w): return E(3)",
    "array subclass": "class E(np.ndarray): ...\ndef f(w): return np.ones(3).view(E)",
    "tensor subclass": "class E(torch.Tensor):\n    @classmethod\n"
    "    def __torch_function__(cls, *a, **k): raise SystemExit\n"
    "def f(w): return torch.Tensor._make_subclass(E, w)",
    "metaclass": "class M(type):\n    @property\n    def __name__(self): raise ZeroDivisionError\n"
    "class E(metaclass=M): ...\ndef f(w): return E()",
    "sparse": "def f(w): return w.to_sparse()",
    "meta": "def f(w): return w.to('meta')",
    "complex": "def f(w): return w + 1j",
    "python complex": "def f(w): return 1j",
    "quantised": "def f(w): return torch.quantize_per_tensor(w, 0.1, 0, torch.qint8)",
    "objects": "def f(w): return np.array([object()])",
    "structured": "def f(w): return np.zeros(2, dtype=[('a', 'f4')])",
    "too large": "def f(w): return torch.zeros(30_000)",
    "expanded": "def f(w): return torch.zeros(1).expand(10**12)",
    "too many axes": "def f(w): return torch.zeros([1] * 12)",
    "long list": "def f(w): return [0.0] * 10**6",
    "deep list": "def f(w):\n    x = [1.0] * 500\n"
    "    for _ in range(9): x = [x] * 500\n    return x",
    "endless list": "def f(w):\n    x = []\n    x.append(x)\n    return x",
    "ragged list": "def f(w): return [[1.0], [1.0, 2.0]]",
    "generator": "def f(w): yield 1.0",
    "huge integer": "def f(w): return 10**400",
    "none": "def f(w): return None",
    "dict": "def f(w): return {'value': 1.0}",
}


@pytest.mark.filterwarnings("ignore")  # of torch, about quantised tensors
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_other_objects_are_no_numbers(source):
    observation = seen(source)
    assert observation.reached == "runs"
    assert [part.values for part in observation.parts] == [None]
    assert isinstance(observation.parts[0].type, str)


RAISED = {
    "def f(w): return 1 / 0": "ZeroDivisionError",
    "def f(w): sys.exit(0)": "SystemExit",
    "def f(w): raise KeyboardInterrupt": "KeyboardInterrupt",
    "def f(w): raise GeneratorExit": "GeneratorExit",
    "def f(): ...": "TypeError",
    "def f(w): return f(w)": "RecursionError",
    "class X(BaseException): ...\ndef f(w): raise X": "X",
    "class X(Exception):\n    def __str__(self): raise SystemExit\ndef f(w): raise X": "X",
    "class S(str):\n    def __getitem__(self, i): return 5\n    def encode(self, *a): return 5\n"
    "class X(Exception):\n    def __str__(self): return S('\\ud800' * 900)\n"
    "def f(w): raise X": "X",
    "class M(type):\n    @property\n    def __name__(self): return 5\n"
    "class X(Exception, metaclass=M): ...\ndef f(w): raise X": "X",
    "def f(w): raise BaseExceptionGroup('', [SystemExit()])": "BaseExceptionGroup",
}


@pytest.mark.parametrize(("source", "error"), RAISED.items())
def test_whatever_is_raised_is_an_observation(source, error):
    observation = seen(source)
    assert (observation.reached, observation.error_type) == ("callable", error)
    assert len(observation.error) <= 500


def test_an_error_has_its_line_in_the_students_file():
    observation = seen(
        "def g(w):\n    return torch.zeros(3) @ w.sum()\n\ndef f(w):\n    return g(w)"
    )
    assert (observation.file, observation.line) == ("hw.py", 5)


def test_nothing_is_run_after_an_interrupt():
    source = "n = 0\ndef f(w):\n    global n\n    n += 1\n    raise KeyboardInterrupt"
    namespace = {}
    exec(source, namespace)
    found = observe(namespace, [Call("f", (W,))] * 3)
    assert [each.error_type for each in found] == ["KeyboardInterrupt"] * 3
    assert namespace["n"] == 1


def test_the_lower_rungs():
    assert seen("").reached == "nothing"
    assert seen("f = 3").reached == "defined"
    assert seen("f = torch.nn.Linear(3, 1)").reached == "type"
    assert seen("class f:\n    def __call__(self): ...\nf = f()").error_type == "TypeError"


def test_variables_and_a_dict_of_answers():
    assert seen("f = 0.05", Call("f", None)).parts[0].values == (0.05,)
    assert seen("f = 'b'", Call("f", None)).parts[0].text == "b"
    assert seen("answers = {'f': 2}", Call("f", None)).parts[0].values == (2.0,)
    assert seen(
        "class D(dict):\n    def get(self, *a): raise SystemExit\nanswers = D()"
    ).reached == ("nothing")


def test_a_tuple_is_taken_apart_only_where_one_is_asked_for():
    source = "def f(w): return w, w.sum().item()"
    parts = seen(source, Call("f", (W,), parts=2)).parts
    assert [part.shape for part in parts] == [(3,), ()]
    assert seen(source, Call("f", (W,), parts=3)).parts[0].type == "tuple"


def test_what_was_done_to_the_arguments():
    assert seen("def f(w): return w + 1").changed == ()
    ((index, now),) = seen("def f(w):\n    w.zero_()\n    return 0.0").changed
    assert (index, now.values) == (0, (0.0, 0.0, 0.0))
    call = Call("f", (tensor([1.0, 2.0], "list"),))
    assert seen("def f(w):\n    w.append(3.0)\n    return 0.0", call).changed[0][1].shape == (3,)


def test_arguments_are_fresh_for_every_call():
    namespace = {}
    exec("def f(w):\n    w += 1\n    return w.sum()", namespace)
    first, second = observe(namespace, [Call("f", (W,))] * 2)
    assert first.parts == second.parts


def test_numpy_is_tried_where_tensors_fail():
    assert seen("def f(w): return w.astype(float).sum()").parts[0].values == (-1.0,)
    call = Call("f", (tensor([3.0, 1.0], "list"),))
    assert seen("def f(w): return w.argmin()", call).parts[0].values == (1.0,)
    first = seen("def f(w): raise ValueError(type(w).__name__)")
    assert first.error == "Tensor"  # the first error is told, not that of the second try


def test_gradients():
    call = Call("f", (W, number(2.0)), gradient_of=0)
    flows = seen("def f(w, a): return a * (w ** 2).sum() / 2", call)
    assert flows.gradient.values == (2.0, -5.0, 1.0)
    for body, note in (
        ("float(w.detach().sum())", "no tensor"),
        ("w.detach().sum()", "no gradient"),
        ("w * a", "no gradient"),
        ("torch.as_tensor(w.numpy().sum())", "RuntimeError"),
        ("torch.ones(1, requires_grad=True).sum()", "no gradient"),
    ):
        observation = seen(f"def f(w, a): return {body}", call)
        assert observation.gradient is None
        assert note in observation.gradient_note
        assert observation.reached == "type"


def test_nan_and_infinity_are_carried():
    part = seen("def f(w): return w / torch.tensor([0.0, 1.0, 1.0]) * float('nan')").parts[0]
    assert all(map(math.isnan, part.values))
    assert seen("def f(w): return -float('inf')").parts[0].values == (-math.inf,)


def test_the_kinds_of_arguments():
    given = (tensor([1.0]), tensor([1.0], "float64"), tensor([1.0], "numpy"), tensor([1.0], "list"))
    call = Call("f", (*given, number(1), number(1.0)))
    source = "kinds = []\ndef f(*args):\n    kinds.extend(map(type, args))\n    return 0.0"
    namespace = {}
    exec(source, namespace)
    observe(namespace, [call])
    kinds = [kind.__name__ for kind in namespace["kinds"]]
    assert kinds == ["Tensor", "Tensor", "ndarray", "list", "int", "float"]
    assert torch.get_default_dtype() == torch.float32
