#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that instructions a request are the difference of two loads, whatever a load costs besides,
and that a server which waits for itself is seen and started again. callgrind_control is ours here,
so that no valgrind is needed: it writes the dumps that the next call would."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import instructions  # noqa: E402
from harness.peers import Missing  # noqa: E402

CONTROL = """#!/bin/sh
# callgrind_control --dump PID: dump number n has the n-th line of totals
n=$(ls callgrind.$2.* 2>/dev/null | wc -l)
sed -n "$((n + 1))p" totals >callgrind.$2.$((n + 1))
"""
EACH, FIXED = 957, 40000  # instructions of a request, and of a load whatever it is


def want(is_right, what):
    if not is_right:
        sys.exit(f"wrong: {what}")


class FakeServer:
    def pids(self):
        return ["17"]


def check_values(folder):
    """Three loads more than the two to begin with: 957 each, though a load costs 40,000 as well."""
    requests = []

    def load(messages):
        requests.append(64 * messages)
        return requests[-1]

    depth, connections = 16, 64
    loads = [instructions.FEW] * 2 + [instructions.MANY] * 3
    with open(os.path.join(folder, "totals"), "w") as f:
        for word, messages in zip(["summary", "totals", "summary", "totals", "summary"], loads):
            f.write(f"{word}: {FIXED + EACH * messages * depth * connections}\n")
    found = instructions.values(FakeServer(), folder, load, depth, 3)
    want(found == [EACH] * 3, f"instructions a request: {found}")
    want(requests == [64 * 16 * n for n in loads], f"loads: {requests}")
    try:
        instructions.take(folder, "17")  # no sixth line: a dump without a total
        want(False, "a dump without a total counts")
    except Missing:
        pass


def check_stuck():
    """A process that waits for its input sleeps; one that computes does not."""
    waiting = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    spinning = subprocess.Popen([sys.executable, "-c", "print(1, flush=True)\nwhile True: pass"],
                                stdout=subprocess.PIPE)
    try:
        spinning.stdout.readline()
        want(not instructions.is_stuck(spinning.pid), "who computes is taken for stuck")
        while not instructions.is_stuck(waiting.pid):  # as soon as it has begun to read
            pass
    finally:
        spinning.kill()
        waiting.kill()
        spinning.wait()
        waiting.wait()


def check_started():
    """Up at the third try; what cannot be had is not tried again, and nothing is for ever."""
    turns = []

    def launch(turn):
        turns.append(turn)
        if turn < 2:
            raise instructions.Stuck("sleeps")
        return "up"

    want(instructions.started(launch) == "up" and turns == [0, 1, 2], f"turns {turns}")
    for error, tries in ((Missing("ends"), 1), (instructions.Stuck("sleeps"), instructions.TRIES)):
        turns.clear()

        def fail(turn, error=error):
            turns.append(turn)
            raise error

        try:
            instructions.started(fail)
            want(False, "a server that never starts is up")
        except Missing:
            want(len(turns) == tries, f"{error}: {len(turns)} tries")


def main():
    with tempfile.TemporaryDirectory() as folder:
        control = os.path.join(folder, "callgrind_control")
        with open(control, "w") as f:
            f.write(CONTROL)
        os.chmod(control, 0o755)
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
        check_values(folder)
    check_stuck()
    check_started()
    print("instructions are counted")


if __name__ == "__main__":
    main()
