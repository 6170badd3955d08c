"""Say whether this machine can run strangers' code safely, and what holds it.

Exit codes: 0 it can, 3 it cannot.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayeswd.homework.sandbox.canaries import Canary
    from bayeswd.homework.sandbox.fork_server import Tier

SAFE, NO_SANDBOX = 0, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "The attacks are harmless, and run in the very sandbox that `grade` uses."


def run(arguments: argparse.Namespace) -> int:
    """Start the sandbox, try every canary attack in it, and print both."""
    from bayeswd.homework.sandbox import canaries
    from bayeswd.homework.sandbox.conversation import SandboxError
    from bayeswd.homework.sandbox.fork_server import ForkServer

    try:
        with ForkServer() as server:
            found = canaries.try_all(server)
            print(_sandbox(server.tier))
    except SandboxError as error:
        print(f"Nothing can be graded here: {error}.\nNeeded: 64-bit x86, Linux 5.13 or later,")
        print("Landlock among the security modules (cat /sys/kernel/security/lsm), seccomp.")
        return NO_SANDBOX
    print("\n".join(map(_line, found)))
    held = all(canary.held for canary in found)
    print(
        "Submissions can be graded." if held else "NOTHING IS GRADED HERE: an attack got through."
    )
    return SAFE if held else NO_SANDBOX


def _sandbox(tier: Tier) -> str:
    lines = [f"Sandbox: {tier.name} (Landlock version {tier.landlock}), as user {tier.uid}."]
    if tier.namespaces:
        lines.append("Each job has its own file system, processes, network, and folder in memory.")
    else:
        lines += [
            f"Without namespaces: {tier.without_namespaces_because}.",
            "Jobs share the view of the file system, narrowed by Landlock; what they write goes to"
            " a folder on disk that is watched and removed.",
        ]
    if tier.uid == 0:
        closed = "".join(f" {path} can be read by root only." for path in tier.closed_to_others)
        lines.append(f"Jobs keep the user root, without any of its capabilities.{closed}")
    return "\n".join(lines)


def _line(canary: Canary) -> str:
    return f"  {'refused' if canary.held else 'GOT THROUGH'}: {canary.words}"
