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
import time

from harness.peers import Missing

FEW, MANY = 15, 65  # messages on each connection, times the depth
LOAD_S = 20
SECONDS = 4.5  # that one server takes
TRIES = 20  # to start one, at a second each: 3.19 may also end in an assertion of its own when
            # threads change within a handler of signals
COUNTS = 3  # tries to count
LOOKS, LOOK_S = 8, 0.05  # that find a server asleep before it has said anything
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


class Stuck(Missing):
    """valgrind's fault: the server waits for itself, or valgrind ended."""


def is_stuck(pid):
    """Whether every thread sleeps, look after look. valgrind runs one thread at a time, and up to
    3.19 keeps its lock while a ring is waited for: a worker that goes to sleep before the thread
    that starts it is back from waking it sleeps for ever. One more start is another race."""
    for _ in range(LOOKS):
        for path in glob.glob(f"/proc/{pid}/task/*/stat"):
            with open(path) as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "S":
                    return False
        time.sleep(LOOK_S)
    return True


def started(launch):
    """What launch(turn) returns, which raises Stuck when another try may go better."""
    for turn in range(TRIES):
        try:
            return launch(turn)
        except Stuck as e:
            last = e
    raise Missing(f"{last}, {TRIES} times under valgrind")


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
