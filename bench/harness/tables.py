# SPDX-License-Identifier: MIT
"""A workload's rows as a table: a line for each implementation, a column for each metric."""
from harness.results import find, number, ratio
from harness.words import NAMES, WORDS

# Not somebody else's runtime.
FLOORS = {"rove", "rove_epoll", "limit", "raw_epoll", "raw_shared", "raw_uring", "raw_own"}
ALONE = {"primitives"}  # workloads whose lines are things of rove's own, each with a name


def groups(rows):
    """(workload, its rows), in the order they were measured."""
    return [(name, [r for r in rows if r["workload"] == name])
            for name in dict.fromkeys(r["workload"] for r in rows)]


def columns(rows):
    """(metric, workers, unit) of rove's rows and the limits': others' own are not compared."""
    return list(dict.fromkeys((r["metric"], r["workers"], r["unit"]) for r in rows
                              if r["implementation"] in FLOORS or r["workload"] in ALONE))


def lacks_instructions(workload, its_columns):
    """Whether the column that valgrind counts is missing."""
    return workload in ALONE and not any(metric == "instructions" for metric, _, _ in its_columns)


def implementations(rows):
    return list(dict.fromkeys(r["implementation"] for r in rows))


def title(column):
    metric, workers, unit = column
    return f"{metric}, {unit}, {workers} w"


class Cell:
    """One implementation's figure, and rove's over it."""

    def __init__(self, rows, implementation, column):
        metric, workers, _ = column
        wanted = {"workload": rows[0]["workload"], "metric": metric, "workers": workers}
        rove, self.row = find(rows, wanted, "rove"), find(rows, wanted, implementation)
        value = None if implementation == "rove" or not rove else ratio(rove, self.row)
        self.ratio = None if value is None else f"{value:.2f}"
        self.text = "–"
        if self.row:
            self.text = number(self.row["median"]) + ("†" if self.row["disturbed"] else "")

    def spread(self):
        if not self.row:
            return ""
        text = (f"{number(self.row['min'])} to {number(self.row['max'])} in "
                f"{self.row['runs']} runs")
        return text + (f"; disturbed: {self.row['disturbed']}" if self.row["disturbed"] else "")


def words_of(workload):
    """What words.py says about a workload, or the family it belongs to."""
    found = [name for name in WORDS if workload == name or workload.startswith(name + "_")]
    return WORDS[max(found, key=len)] if found else {}


def left_out(runs):
    """What could not be had, and why."""
    skipped = {reason: what for run in runs for reason, what in run.get("skipped", {}).items()}
    return [f"{NAMES.get(what, what)}: {reason}" for reason, what in skipped.items()]


def counted_by(runs):
    """Who counted user instructions, as a sentence."""
    counter = next((run["instructions"] for run in runs if run.get("instructions")), None)
    return f" User instructions were counted by {counter}." if counter else ""


def firsts(workloads):
    """Of each family the first: what is said of echo_1x64 need not be said of echo_64x64 again."""
    seen = {}
    for name in workloads:
        seen.setdefault(words_of(name).get("what", name), name)
    return set(seen.values())


def losses(rows):
    """Lines that say, by the numbers, where somebody else of the same kind is ahead."""
    lines = []
    for row in rows:
        if row["implementation"] != "rove" or row["metric"].endswith("_max"):
            continue
        for peer in sorted({r["implementation"] for r in rows
                            if r["workload"] == row["workload"]} - FLOORS):
            value = ratio(row, find(rows, row, peer))
            is_behind = value is not None and (value < 0.95 if row["unit"] == "1/s"
                                               else value > 1.05)
            if is_behind:
                lines.append(f"{row['workload']}, {row['metric']}, {row['workers']} worker"
                             f"{'s' * (row['workers'] > 1)}: {value:.2f} × "
                             f"{NAMES.get(peer, peer)}'s.")
    return lines
