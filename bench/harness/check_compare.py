#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that bench/compare finds what got worse, and only that, and that bench/report says it."""
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.plot import draw_all  # noqa: E402
from harness.results import make_row, write_csv  # noqa: E402
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
    head = {"command": "bench/run", "reps": 5, "versions": {"go": "1.0"}, "flags": {},
            "skipped": {"no JDK of 21": "java"},
            "commands": {"yield_many w=1": {"rove": ["taskset -c 0 rove 1"]}},
            "machine": dict.fromkeys(("cpu", "cpus", "memory_mib", "kernel", "libc", "date"), "?")}
    with open(path, "w") as f:
        json.dump({**head, "rows": rows}, f)
    plots, page = os.path.join(folder, "plots"), os.path.join(folder, "page.html")
    done = subprocess.run([sys.executable, os.path.join(BENCH, "report"), path, "--plots", plots,
                           "--html", page], check=True, capture_output=True, text=True)
    with open(page) as f:
        return done.stdout, os.listdir(plots), f.read()


def row(implementation, values, fault=None, metric="plain"):
    return make_row("yield_many", metric, "ns/yield", implementation, 1, values, fault)


def check_report(folder, rows):
    """The same figures in the document and on the page, which needs nothing but itself."""
    text, charts, page = report(folder, rows)
    for line in ("| | plain, ns/yield, 1 w | serial, ns/yield, 1 w |",
                 "| rove | **13.1** | – |", "| Go | 10.1 (1.30) | – |",
                 "| limit | 5 (2.62) | 5 |", "| Tokio | 10.1† | – |", "1.30 × Go's",
                 "Left out: Java: no JDK of 21.",
                 "contexts | **limit, 1 w 2.62** | missed |", "Tokio, 1 w –; ", "- S1: "):
        if line not in text:
            sys.exit(f"the document lacks {line!r}:\n{text}")
    if charts != ["yield_many_plain.svg"]:
        sys.exit(f"charts: {charts}")
    for piece in ("<td title=\"10 to 10.2 in 5 runs\">10.1 <small>1.30</small></td>", "<svg",
                  "disturbed: steal", "1.30 × Go", "no JDK of 21", "taskset -c 0 rove 1",
                  "prefers-color-scheme"):
        if piece not in page:
            sys.exit(f"the page lacks {piece!r}:\n{page}")
    for outside in ("src=", "<link", "@import", "url("):
        if outside in page:
            sys.exit(f"the page needs something else: {outside!r}")


def check_csv(folder, rows):
    """A table that any program reads, below lines that say where it is from."""
    path = os.path.join(folder, "rows.csv")
    head = {"command": "bench/run", "machine": {"cpu": "K6", "kernel": "2.4"},
            "versions": {"go": "1.0", "java": None}, "flags": {"limit": "-O2"}, "skipped": {}}
    write_csv(path, head, rows)
    with open(path) as f:
        lines = f.read().splitlines()
    start = ["# bench/run", "# machine: cpu: K6", "# machine: kernel: 2.4", "# versions: go: 1.0",
             "# flags: limit: -O2"]
    read = list(csv.DictReader(lines[5:]))
    if lines[:5] != start or [r["median"] for r in read] != ["13.1", "10.1"]:
        sys.exit(f"the CSV file is wrong: {lines}")


def check_images(folder, rows):
    """A chart each as SVG, and as PNG where there is a converter."""
    names = draw_all(os.path.join(folder, "charts"), rows)
    wanted = {"yield_many_plain.svg"}
    if shutil.which("rsvg-convert"):
        wanted.add("yield_many_plain.png")
    if names != ["yield_many_plain.svg"] or wanted != set(
            os.listdir(os.path.join(folder, "charts"))):
        sys.exit(f"charts: {names}, {os.listdir(os.path.join(folder, 'charts'))}")


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
        check_report(folder, [row("rove", slow), row("go", quiet), row("limit", limit),
                              row("tokio", quiet, "steal"), row("limit", limit, None, "serial")])
        check_csv(folder, [row("rove", slow), row("go", quiet)])
        check_images(folder, [row("rove", slow), row("go", quiet)])
        for name, old, new, status, text in cases:
            found = compare(folder, old, new)
            if found[0] != status or text not in found[1]:
                sys.exit(f"{name}: wanted {status} and {text!r}, got {found}")
    print(f"{len(cases)} comparisons are right")


if __name__ == "__main__":
    main()
