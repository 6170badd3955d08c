"""A job, from its fork to its end: locked in by itself, watched and ended by its keeper.

The keeper is a process between the fork server and the job. It runs nothing of the student's; it
waits for the job to end or for the grader to let go of the leash, then sees to it that nothing of
the job is left: no process, no file.
"""

import os
import resource
import select
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from bayeswd.homework.sandbox import landlock, limits, namespaces, privileges, seccomp, syscalls
from bayeswd.homework.sandbox.landlock import Grants
from bayeswd.homework.sandbox.limits import LIMITS, Limits

# where the job finds its pipes
REQUESTS, REPLIES = 3, 4
JOB_FOLDER = "job-"  # how the names of private folders on disk start
_FAILED = 70
_LOOK_EVERY = 20  # ms, at the size of a private folder that has no quota of its own


@dataclass(frozen=True)
class Setting:
    """What is the same for all jobs of a fork server.

    separate: in namespaces of their own. folders: the folder on disk that holds the private ones,
    used where there are no namespaces. other_uid: whether jobs give up the uid they start with.
    used: address space at the fork, in bytes.
    """

    grants: Grants
    separate: bool
    folders: str
    other_uid: bool
    used: int
    most: Limits = LIMITS


@dataclass(frozen=True)
class Pipes:
    """The ends that the grader handed over, in this order."""

    requests: int
    replies: int
    output: int
    leash: int
    status: int


Work = Callable[[], None]


def keep(setting: Setting, pipes: Pipes, work: Work) -> dict[str, object]:
    """Run `work` in a locked job until it ends or the leash does; how it ended.

    {"exit": code} or {"signal": number}, with "quota": whether its folder grew too large and
    "cpu_seconds": of the job and its keeper. {"setup": words} when the job could not be locked
    in; then `work` was not begun.
    """
    own = _own_folder(setting)
    refused, job = _fork(setting, own, pipes, work)
    try:
        over_quota = _wait(job, pipes.leash, setting, own)
        _, status, used = os.wait4(job, 0)
        if complaint := os.read(refused, 500):
            return {"setup": complaint.decode("utf-8", "replace")}
        mine = resource.getrusage(resource.RUSAGE_SELF)
        seconds = sum(each.ru_utime + each.ru_stime for each in (used, mine))
        ending = (
            {"signal": os.WTERMSIG(status)}
            if os.WIFSIGNALED(status)
            else {"exit": os.WEXITSTATUS(status)}
        )
        return {**ending, "quota": over_quota, "cpu_seconds": seconds}
    finally:
        if not setting.separate:
            shutil.rmtree(own, ignore_errors=True)


def lock_in(setting: Setting, own: str) -> None:
    """Every restriction, on this process, for good. OSError where one of them cannot be had."""
    limits.apply(setting.most, setting.used)
    privileges.drop(setting.other_uid)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of uid would clear it
    grants = setting.grants
    landlock.restrict(Grants(grants.readable, grants.listable, own))
    seccomp.install(os.getpid())


def _own_folder(setting: Setting) -> str:
    uid = privileges.JOB_UID if setting.other_uid else os.getuid()
    if setting.separate:
        namespaces.new_process_tree()
        namespaces.private_folder(setting.grants.own, setting.most, uid)
        return setting.grants.own
    folder = os.path.join(setting.folders, f"{JOB_FOLDER}{os.getpid()}")
    os.mkdir(folder, 0o700)
    if setting.other_uid:
        os.chown(folder, uid, uid)
    return folder


def _fork(setting: Setting, own: str, pipes: Pipes, work: Work) -> tuple[int, int]:
    """The read end of a pipe that carries a complaint if locking in fails, and the job's pid."""
    refused, complain = os.pipe()
    job = os.fork()
    if job == 0:
        try:
            _take_pipes(pipes, complain)
            os.chdir(own)
            lock_in(setting, own)
            os.close(complain)
        except BaseException as error:
            os.write(complain, f"{type(error).__name__}: {error}".encode()[:500])
            os._exit(_FAILED)
        code = _FAILED
        try:
            work()
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}"[:500].encode("utf-8", "replace"))
        finally:
            os._exit(code)
    for descriptor in (complain, pipes.requests, pipes.replies, pipes.output):
        os.close(descriptor)
    return refused, job


def _take_pipes(pipes: Pipes, complain: int) -> None:
    """Nothing is open but /dev/null for input, the pipes, and `complain` until it is closed."""
    for source, target in (
        (os.open(os.devnull, os.O_RDONLY), 0),
        (pipes.output, 1),
        (pipes.output, 2),
        (pipes.requests, REQUESTS),
        (pipes.replies, REPLIES),
    ):
        os.dup2(source, target)
    os.closerange(REPLIES + 1, complain)
    os.closerange(complain + 1, 1024)


def _wait(job: int, leash: int, setting: Setting, own: str) -> bool:
    """Until the job has ended, by itself or killed here; whether its folder grew too large."""
    watched = os.pidfd_open(job)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.register(leash, select.POLLIN | select.POLLHUP)
    over_quota = False
    while True:
        events = poll.poll(None if setting.separate else _LOOK_EVERY)
        if any(descriptor == watched for descriptor, _ in events):
            break
        over_quota = not setting.separate and _is_over(own, setting.most)
        if events or over_quota:
            with suppress(ProcessLookupError):
                os.kill(job, signal.SIGKILL)
            break
    os.close(watched)
    return over_quota


def _is_over(folder: str, most: Limits) -> bool:
    """Does a folder hold more than its quota? Stops counting when it does."""
    files = size = 0
    for place, _, names in os.walk(folder, onerror=None):
        for name in names:
            files += 1
            with suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_size
            if files > most.folder_files or size > most.folder_bytes:
                return True
    return False
