"""The teacher's page: counts, clusters, and nothing that runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from bayeswd.homework.grading import outputs
from bayeswd.homework.grading.roster import Person
from bayeswd.report import homework_clusters, homework_drawings, homework_page

EVIL = '<script>alert("x")</script>'


def item(name: str, status: str, code: str = "", confidence: str = "matched", **more: Any) -> dict:
    evidence = {"input": "w = [1]", "got": "2", "expected": "0.5", "public": True}
    found = {"code": code, "kind": "mistake", "confidence": confidence, "message": "m"}
    diagnosis = [found | {"evidence": evidence}] if code else []
    basic = {"id": name, "status": status, "diagnosis": diagnosis, "fingerprint": "f"}
    return basic | more


def record(*items: dict, score: str = "1", status: str = "graded", reason: str = "") -> dict:
    return {
        "status": status,
        "reason": reason,
        "score": score,
        "max_score": "4",
        "items": list(items),
        "submission": {"student": "s", "file": "s.py", "id": ""},
    }


def rows(**records: dict | None) -> list:
    return [(Person(name, frozenset()), each) for name, each in records.items()]


HALF = item("l2_penalty", "failed", "L2.NO_HALF")
UNKNOWN = item("l2_penalty", "failed", "UNKNOWN", "unknown")


def test_each_finding_is_a_row_and_each_square_has_its_students_name() -> None:
    drawing = homework_drawings.matrix([("ann", record(HALF)), ("bob", record(HALF, score="3"))])
    assert drawing.count("l2_penalty: NO_HALF") == 3
    assert drawing.index("<title>bob:") < drawing.index("<title>ann:")  # the best on the left
    assert re.findall(r">(\d)</text>", drawing) == ["2"]
    assert homework_drawings.matrix([("ann", record(item("l2_penalty", "passed")))]) == ""


def test_equal_wrong_answers_are_one_cluster() -> None:
    found = homework_clusters.unrecognised(
        [
            ("ann", record(UNKNOWN)),
            ("bob", record(UNKNOWN | {"fingerprint": "g"})),
            ("cid", record(UNKNOWN)),
            ("dan", record(HALF)),
        ]
    )
    assert [cluster.students for cluster in found] == [("ann", "cid"), ("bob",)]
    assert found[0].example == "w = [1]: 2 instead of 0.5"


@pytest.mark.parametrize(("scores", "most"), [([0, 1, 4], 4), ([0.5], 1), ([37, 12.5], 37)])
def test_every_score_is_in_one_bar(scores: list[float], most: float) -> None:
    drawing = homework_drawings.histogram(scores, most)
    counts = [int(count) for count in re.findall(r": (\d+)</title>", drawing)]
    assert sum(counts) == len(scores)
    assert len(counts) <= 20


def test_a_class_of_any_kind_gives_a_page() -> None:
    refused = record(status="refused", reason=EVIL, score="0")
    page = homework_page.page(rows(**{EVIL: record(HALF, UNKNOWN), "bob": None, "cid": refused}))
    assert "1 submission graded, median 1 of 4 points; 2 without a grade" in page
    assert "nothing handed in" in page
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 4
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=|<script|javascript:|@import|url\(", page)
    assert "0 submissions graded" in homework_page.page([])


def test_a_file_that_never_ends_is_one_row() -> None:
    endless = [item(name, "timeout", "TIME_LIMIT") for name in ("a", "b", "c")]
    drawing = homework_drawings.matrix([("ann", record(*endless)), ("bob", record(HALF))])
    assert "the whole file: TIME_LIMIT" in drawing
    assert "a: TIME_LIMIT" not in drawing
    found = outputs.mistakes([record(*endless), record(HALF)])
    assert found == {
        ("the whole file", "TIME_LIMIT"): 1,
        (HALF["id"], HALF["diagnosis"][0]["code"]): 1,
    }


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    homework_page.write(tmp_path / "page.html", rows(ann=record(HALF)))
    assert (tmp_path / "page.html").read_text().endswith("</html>\n")
