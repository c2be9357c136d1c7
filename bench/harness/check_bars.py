#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the table of the design's bars is what a run's file says, and nothing else: a small
run gives the lines below; what it has not, or what was disturbed, has no figure. And that the bars,
the workloads and what is said of them fit together."""
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import bars, results, servers, tables  # noqa: E402
from harness.workloads import NAMES, PROGRAMS, Workload  # noqa: E402

DISTURBED = "2 of 5 runs count"
# workload, metric, implementation, workers, values by round
RUN = [
    ("yield_many", "plain", "rove", 1, [16, 20, 24], None),
    ("yield_many", "plain", "limit", 1, [8, 10, 12], None),
    ("yield_many", "plain", "rove", 2, [10, 12, 10], None),
    ("yield_many", "plain", "go", 1, [80, 100, 120], None),
    ("yield_many", "plain", "fiber", 1, [10, 12.5, 15], None),
    ("yield_many", "plain", "tokio", 1, [50, 50, 50], DISTURBED),
    ("spawn_join", "eager", "rove", 1, [27, 27, 27], None),
    ("spawn_join", "plain", "go", 1, [270, 270, 270], None),
    ("mixed", "late_p99", "rove", 2, [900, 901, 902], DISTURBED),
    ("echo_64x64", "instructions", "rove", 1, [952, 957, 957], None),
    ("http_64x16", "rate", "rove", 1, [3e6, 3e6, 3e6], None),
    ("http_64x16", "rate", "raw_epoll", 1, [3.2e6, 3e6, 3.4e6], None),
    ("idle_http", "memory", "rove", 1, [4.8, 4.76, 4.76], None),
    ("fib", "plain", "rove", 1, [90, 90, 90], None),
    ("fib", "plain", "rove", 2, [45, 45, 45], None),
]
# (name, how the bar begins): figures and the verdict
TABLE = {
    ("S1", "yield, 1000"): (["limit, 1 w 2.00"], "met"),
    ("S1", "ahead of"): (["Go, 1 w 0.20", "Go, 2 w –", "Tokio, 1 w –", "Tokio, 2 w –",
                          "Boost.Fiber, 1 w 1.60", "Boost.Fiber, 2 w –", "2 w over 1 w 0.50"],
                         "met in 2 of 3"),
    ("S2", "at most a quarter"): (["Go, plain –", "Go, eager 0.10", "Tokio, plain –",
                                   "Tokio, eager –", "Boost.Fiber, plain –",
                                   "Boost.Fiber, eager –"], "met as far as measured"),
    ("S7", "speed-up"): (["fib 2.00", "nqueens –", "uts –"], "met as far as measured"),
    ("S11", "hog"): (["2 w –"], "not in this run"),
    ("R4", "user instructions"): (["1 w 957"], "missed"),
    ("R4c", "HTTP, 16"): (["raw epoll, 1 w 0.94"], "met"),
    ("R6", "an idle"): (["1 w 4.76"], "met"),
}


def want(is_right, what):
    if not is_right:
        sys.exit(f"wrong: {what}")


def read_run():
    """Through a file, as bench/report has it."""
    rows = [results.make_row(workload, metric, "", name, workers, values, fault,
                             list(range(len(values))))
            for workload, metric, name, workers, values, fault in RUN]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.json")
        results.write_json(path, {"command": "bench/run"}, rows)
        with open(path) as f:
            want(json.load(f)["rows"] == rows, "the file has what was measured")
        return results.read_json(path)["rows"]


def check_table(rows):
    lines = bars.table(rows)
    for (name, begin), (figures, verdict) in TABLE.items():
        found = [line for line in lines if line[0] == name and line[1].startswith(begin)]
        want(len(found) == 1, f"{name} {begin}: {len(found)} bars")
        texts = [text for text, _ in found[0][2]]
        want((texts, found[0][3]) == (figures, verdict), f"{name} {begin}: {found[0]}")
    others = [line for line in lines if not any(line[0] == name and line[1].startswith(begin)
                                                for name, begin in TABLE)]
    want(all(line[3] == "not in this run" for line in others), f"bars of nothing: {others}")
    want(bars.summary(rows) == "3 of 7 are met, 3 in part, 1 not.", bars.summary(rows))
    reasons = [name for name, _ in bars.reasons(rows)]
    want(reasons == ["S1", "R4"], f"what was missed is explained, and only that: {reasons}")


def server_names():
    return {row[0]: servers.KINDS[row[1]] for rows in servers.CASES.values() for row in rows}


def check_names():
    """Every bar is of something that is measured, and has a reason at hand if it is missed."""
    known = server_names()
    for name, text, checks in bars.BARS:
        want(bars.REASONS.get(name), f"no reason for {name}")
        for workload, _, implementation in set().union(*(check.wants for check in checks)):
            names = (known.get(workload) or Workload(workload).implementations())
            want(implementation in names, f"{name}, {text}: no {implementation} in {workload}")
    want(bars.wanted("ping_pong", 1) == {"rove", "limit"}, bars.wanted("ping_pong", 1))
    want(bars.wanted("ping_pong", 2) == {"rove", "go"}, bars.wanted("ping_pong", 2))
    want(bars.wanted("echo_1x64", 1) == {"rove", "raw_epoll", "raw_uring"}, "of a server")
    want(not bars.wanted("select", 1), "nothing is wanted of select")


def check_words():
    """Each row of a page is explained: what it is, its limit, and where time goes."""
    for name in [*PROGRAMS, *server_names()]:
        words = tables.words_of(name)
        want({"what", "limit", "why"} <= set(words) and all(words.values()), f"words of {name}")
    unknown = set(tables.WORDS) - set(NAMES)
    want(not unknown, f"words of nothing: {unknown}")


def main():
    check_table(read_run())
    check_names()
    check_words()
    print(f"{len(TABLE)} of {len(bars.BARS)} bars are as the run has them, each has its words")


if __name__ == "__main__":
    main()
