"""Notebooks: read as JSON, without a kernel, an output or a magic (rows N1 to N5)."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bayeswd.homework import assignment
from bayeswd.homework.grading import class_run
from bayeswd.homework.grading.record import Graded
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions.contents import Contents

RIGHT = "def l2_penalty(w):\n    return (w ** 2).sum() / 2"


def code(source: str, **more: Any) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    cell = {"cell_type": "code", "source": lines, "metadata": {}, "outputs": []}
    return cell | more


def book(*cells: Mapping[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": list(cells)}).encode()


def graded(server: ForkServer, data: bytes) -> Graded:
    given = Contents("hw.ipynb", {"hw.ipynb": data})
    return class_run.grade(server, given, b"secret", 10.0, [assignment.find("l2_penalty")])


def passed(server: ForkServer, data: bytes) -> bool:
    return graded(server, data).feedback[0].passed


MAGICS = """%matplotlib inline
!touch /tmp/touched; rm -rf ~
files = !ls /
?torch
torch.norm?
if True:
    %load_ext something
import os
print(os.listdir())"""


def test_magics_are_passed_over_with_a_note(server: ForkServer) -> None:
    found = graded(
        server,
        book(code(MAGICS), code("%%bash\nrm -rf ~"), code("%%time\nimport torch\n" + RIGHT)),
    )
    assert found.feedback[0].passed
    assert found.examined.faults == []
    notes = "\n".join(found.examined.notes)
    assert "hw.ipynb[cell 1]: !touch /tmp/touched; rm -rf ~ is not run here." in notes
    assert "hw.ipynb[cell 2]: %%bash is not run here." in notes
    assert "['hw.ipynb']" in found.examined.printed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b"[" * 100_000,
        b"[1, 2]",
        b'{"cells": 3}',
        b"\xff\xfe\x00",
        b'{"cells": [3, {"cell_type": "code", "source": 7}, {"cell_type": []}]}',
        b'{"worksheets": [1, {"cells": null}]}',
    ],
)
def test_what_is_no_notebook_gets_no_points_and_a_message(server: ForkServer, data: bytes) -> None:
    found = graded(server, data)
    assert found.feedback[0].status == "missing"
    readable = data.startswith((b'{"cells": [', b'{"work'))
    assert readable or "no notebook" in found.examined.faults[0].text


def test_the_older_format_and_a_byte_order_mark_are_read(server: ForkServer) -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": RIGHT}]}]}
    assert passed(server, json.dumps(old).encode())
    assert passed(server, b"\xef\xbb\xbf" + book(code(RIGHT)))


def test_outputs_and_metadata_are_never_looked_at(server: ForkServer) -> None:
    output = {"output_type": "display_data", "data": {"text/html": "<script>1</script>" * 10**5}}
    fake = code("x = 1", outputs=[output], metadata={"status": "passed", "score": 1})
    found = graded(server, book(fake))
    assert found.feedback[0].status == "missing"
    assert "script" not in found.examined.printed + str(found.feedback)


def test_a_failing_cell_is_recorded_and_the_next_one_runs(server: ForkServer) -> None:
    found = graded(
        server,
        book(
            code("1 / 0\nnever = 1"),
            code("exit()"),
            code("await something()"),
            code("def broken(:"),
            code("raise KeyboardInterrupt"),
            {"cell_type": "markdown", "source": "def l2_penalty(w): return 0"},
            code("def l2_penalty(w): return 0.0"),
            code(RIGHT),
        ),
    )
    assert found.feedback[0].passed
    types = ["ZeroDivisionError", "SystemExit", "SyntaxError", "SyntaxError", "KeyboardInterrupt"]
    assert [fault.type for fault in found.examined.faults] == types
    assert found.examined.faults[0].file == "hw.ipynb[cell 1]"
    assert found.examined.faults[0].line == 1


def test_a_tag_takes_a_cell_out(server: ForkServer) -> None:
    tagged = code("l2_penalty = 3", metadata={"tags": ["bayeswd-ignore"]})
    assert passed(server, book(code(RIGHT), tagged))


def test_silenced_tracebacks_change_nothing(server: ForkServer) -> None:
    silence = (
        "import sys\nsys.excepthook = lambda *a: None\n"
        "try:\n    from IPython.core.interactiveshell import InteractiveShell\n"
        "    InteractiveShell.showtraceback = lambda *a, **k: None\nexcept ImportError: pass"
    )
    found = graded(server, book(code(silence), code("def l2_penalty(w): raise ValueError('no')")))
    assert found.feedback[0].status == "error"


def test_helpers_of_ipython_are_there(server: ForkServer) -> None:
    assert passed(server, book(code("display(1)\n" + RIGHT)))
