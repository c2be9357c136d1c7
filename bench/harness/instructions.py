# SPDX-License-Identifier: MIT
"""User instructions a request, where the processor counts none for us: virtual ones mostly do not.

The server runs under callgrind, which counts what it executes, and gets loads of a fixed number of
messages; what a load of many has cost more than one of few, its messages have. It is some fifty
times slower then, so that its batches are as large as the loader can make them; else what it
executes does not depend on how fast it does.
"""
import glob
import os
import re
import shutil
import subprocess

from harness.peers import Missing

FEW, MANY = 15, 65  # messages on each connection, times the depth
LOAD_S = 20
SECONDS = 4.5  # that one server takes
COUNTED = {"rove", "rove_epoll", "raw_epoll", "raw_uring", "tokio", "hyper", "libuv", "nginx"}
OTHERS = ("Go, Node, asyncio and uvloop are not counted: valgrind cannot run Go, and the others "
          "only at some hundred requests a second")


def counter():
    """Who counts, in words; Missing when nobody can."""
    for program in ("valgrind", "callgrind_control"):
        if not shutil.which(program):
            raise Missing(f"the processor counts none for us, and there is no {program} "
                          "(Debian: valgrind)")
    return "valgrind's callgrind, since the processor counts none for us"


def wrapped(command, folder):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/callgrind.%p",
            "--fair-sched=try", *command]


def take(folder, pid):
    """What was executed since the last time."""
    pattern = os.path.join(folder, f"callgrind.{pid}.*")
    before = set(glob.glob(pattern))
    subprocess.run(["callgrind_control", "--dump", str(pid)], check=True, timeout=LOAD_S,
                   cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path in set(glob.glob(pattern)) - before:
        with open(path) as f:
            found = re.search(r"^(?:totals|summary): (\d+)", f.read(), re.MULTILINE)
        if found:
            return int(found.group(1))
    raise Missing("callgrind wrote no total")


def values(server, folder, load, depth, repetitions):
    """Instructions a request, so many times. load(messages) puts as many on each connection and
    returns how many those are together."""
    pid = server.pids()[0]

    def executed(messages):
        requests = load(messages * depth)
        return requests, take(folder, pid)

    executed(FEW)  # the first connections, caches and buffers
    few_requests, few = executed(FEW)
    many = [executed(MANY) for _ in range(repetitions)]
    return [(n - few) / (requests - few_requests) for requests, n in many]
