"""A class of 300 submissions of 12 exercises, with a hung, a crashed and a memory-eating one.

    python benchmarks/grading.py [--submissions 300] [--jobs 2] [--keep DIR]

The goal is 60 s on 2 cores. Prints the wall time, the processor time of the grader and of the jobs,
and whether every other submission gets the same grade in a class without the three.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from bayeswd.homework.grading import session
from bayeswd.homework.grading.class_run import Planned
from bayeswd.homework.submissions import gathering

GOAL = 60.0
HEAD = "import numpy as np\nimport torch\n\n"
STEP = "w, grad, lr, strength"

# exercise, its arguments -> answers; the first is right, the others are what students write
ANSWERS = {
    "l2_penalty(w)": ["(w ** 2).sum() / 2", "torch.norm(w) / 2", "(w ** 2).sum()", "3 * w.max()"],
    "l1_penalty(w)": ["w.abs().sum()", "np.abs(np.asarray(w)).sum()", "w.sum()", "w.abs().mean()"],
    f"sgd_step_l2({STEP})": [
        "w - lr * (grad + strength * w)",
        "w - lr * grad - strength * w",
        "w - lr * (grad + 2 * strength * w)",
    ],
    f"sgd_step_l1({STEP})": [
        "w - lr * (grad + strength * torch.sign(w))",
        "w - lr * (grad + strength * w.abs())",
        "w - lr * (grad + strength * w)",
    ],
    f"proximal_step({STEP})": [
        "torch.nn.functional.softshrink(w - lr * grad, lr * strength)",
        "torch.nn.functional.softshrink(w - lr * grad, strength)",
    ],
    "frobenius_squared(A)": ["torch.trace(A.T @ A)", "torch.norm(A)", "torch.trace(A) ** 2"],
    "prior_variance(strength, n, noise_scale)": [
        "noise_scale ** 2 / (n * strength)",
        "noise_scale ** 2 / strength",
        "1 / strength",
        "undefined_name",
    ],
    "prior_variance_torch(weight_decay, n, noise_scale)": [
        "2 * noise_scale ** 2 / (n * weight_decay)",
        "noise_scale ** 2 / (n * weight_decay)",
    ],
    "prior_variance_keras(strength, n, noise_scale)": ["noise_scale ** 2 / (n * strength)", "None"],
    "prior_variance_ridge(alpha, n, noise_scale)": [
        "noise_scale ** 2 / alpha",
        "noise_scale / alpha",
    ],
    "strength_from_prior(prior_scale, n, noise_scale)": [
        "(noise_scale / prior_scale) ** 2 / n",
        "1 / prior_scale ** 2",
    ],
    "laplace_scale(strength, n, noise_scale)": [
        "noise_scale ** 2 / (n * strength)",
        "1 / strength",
    ],
}
BAD = {
    "zz-hung": "while True:\n    pass\n",
    "zz-crashed": "import ctypes\nctypes.string_at(0)\n",
    "zz-hungry": "rows = []\nwhile True:\n    rows.append([0.0] * 10**6)\n",
}


def homework(random: Random) -> str:
    """One student's file: most answers right, some wrong, now and then one missing."""
    parts = [HEAD]
    for signature, answers in ANSWERS.items():
        if random.random() > 0.05:
            answer = answers[0] if random.random() < 0.6 else random.choice(answers)
            parts.append(f"def {signature}:\n    return {answer}\n\n")
    return "".join(parts)


def write_class(folder: Path, count: int) -> None:
    random = Random(0)
    folder.mkdir()
    for number in range(count - len(BAD)):
        (folder / f"student{number:03}.py").write_text(homework(random))
    for name, source in BAD.items():
        (folder / f"{name}.py").write_text(HEAD + source)


def grades(planned: list[Planned]) -> dict[str, list[tuple[str, str]]]:
    """Student -> status and score of each exercise, of all but the bad ones."""
    return {
        each.handed.student: [(item["status"], item["score"]) for item in each.record["items"]]
        for each in planned
        if each.handed.student not in BAD
    }


def timed(folder: Path, out: Path, jobs: int) -> tuple[list[Planned], float, float]:
    """The class graded, the wall time and the grader's own processor time."""
    secret = folder.parent / "secret"
    secret.write_text("the same for both runs\n")
    wall, cpu = time.perf_counter(), time.process_time()
    handed = gathering.gather([str(folder)])
    planned = session.grade(handed, out, seconds=5.0, jobs=jobs, secret_file=secret)
    return planned, time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", metavar="DIR", help="a new folder that keeps files and results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(arguments.keep or Path(name) / "run")
        place.mkdir()
        write_class(place / "class", arguments.submissions)
        planned, wall, cpu = timed(place / "class", place / "out", arguments.jobs)
        jobs = sum(each.record["cpu_s"] for each in planned)
        again, resumed, _ = timed(place / "class", place / "out", arguments.jobs)
        for bad in BAD:
            (place / "class" / f"{bad}.py").unlink()
        without, quiet, _ = timed(place / "class", place / "out-without", arguments.jobs)
    same = grades(planned) == grades(without) == grades(again)
    print(f"{len(planned)} submissions of {len(ANSWERS)} exercises, {arguments.jobs} at a time:")
    print(f"  {wall:.1f} s (goal {GOAL:g} s); processor time {cpu:.1f} s grader, {jobs:.1f} s jobs")
    print(f"  {quiet:.1f} s without the hung, the crashed and the memory-eating one")
    print(f"  {resumed:.1f} s to find that nothing is left to grade")
    print(f"  the others' grades are {'the same' if same else 'NOT THE SAME'} without those three")
    return int(wall > GOAL or not same)


if __name__ == "__main__":
    sys.exit(main())
