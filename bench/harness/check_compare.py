#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that bench/compare finds what got worse, and only that, and that bench/report says it."""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.results import make_row  # noqa: E402
from harness.workloads import BENCH  # noqa: E402


def compare(folder, old, new):
    paths = []
    for name, rows in (("old", old), ("new", new)):
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "w") as f:
            json.dump({"rows": rows}, f)
    done = subprocess.run([sys.executable, os.path.join(BENCH, "compare"), *paths],
                          capture_output=True, text=True)
    return done.returncode, done.stdout


def report(folder, rows):
    path = os.path.join(folder, "result")
    head = {"command": "bench/run", "reps": 5, "versions": {"go": "1.0"},
            "machine": dict.fromkeys(("cpu", "cpus", "memory_mib", "kernel", "libc", "date"), "?")}
    with open(path, "w") as f:
        json.dump({**head, "rows": rows}, f)
    plots = os.path.join(folder, "plots")
    return subprocess.run([sys.executable, os.path.join(BENCH, "report"), path, "--plots", plots],
                          check=True, capture_output=True, text=True).stdout, os.listdir(plots)


def row(implementation, values, fault=None):
    return make_row("yield_many", "plain", "ns/yield", implementation, 1, values, fault)


def main():
    quiet, slow = [10.0, 10.1, 10.2, 10.1, 10.0], [13.0, 13.1, 13.2, 13.1, 13.0]
    noisy = [10.0, 16.0, 7.0, 11.0, 13.0]
    limit, slow_limit = [5.0, 5.0, 5.1, 5.0, 5.0], [6.5, 6.5, 6.6, 6.5, 6.5]
    cases = [
        ("slower", [row("rove", quiet)], [row("rove", slow)], 1, "worse "),
        ("faster", [row("rove", slow)], [row("rove", quiet)], 0, "better "),
        ("within the noise", [row("rove", quiet)], [row("rove", noisy)], 0, "1 same"),
        ("a slower machine", [row("rove", quiet), row("limit", limit)],
         [row("rove", slow), row("limit", slow_limit)], 0, "1 same"),
        ("disturbed", [row("rove", quiet)], [row("rove", slow, "steal")], 2, "1 disturbed"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        page, charts = report(folder, [row("rove", slow), row("go", quiet), row("limit", limit)])
        for text in ("| **13.1** | 13–13.2 | 10.1 | 1.30 | 5 | 2.62 |", "1.30 × Go's"):
            if text not in page:
                sys.exit(f"the page lacks {text!r}:\n{page}")
        if charts != ["yield_many_plain.svg"]:
            sys.exit(f"charts: {charts}")
        for name, old, new, status, text in cases:
            found = compare(folder, old, new)
            if found[0] != status or text not in found[1]:
                sys.exit(f"{name}: wanted {status} and {text!r}, got {found}")
    print(f"{len(cases)} comparisons are right")


if __name__ == "__main__":
    main()
