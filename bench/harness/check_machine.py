#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that a disturbed window is seen, run again, and kept out of a row or marked."""
import os
import subprocess
import sys
from types import SimpleNamespace

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import machine  # noqa: E402
from harness.cases import Case, Progress  # noqa: E402


def want(is_right, what):
    if not is_right:
        sys.exit(f"wrong: {what}")


def check_faults():
    """What /proc/stat and the line say, made up: seconds busy and own in a window of wall time."""
    rounding = 2 * len(os.sched_getaffinity(0)) / machine.TICKS
    cases = [("quiet", 1.0, 1.0, [60, 62], None, None),
             ("others", 1.5 + rounding, 1.0, [], None, "foreign load of 50%"),
             ("rounding", 1.0 + rounding, 1.0, [], None, None),
             ("moved apart", 1.0, 1.0, [60, 300], None, "a line took 300 ns"),
             ("its own word", 1.0, 1.0, [], "the loader was late", "the loader was late")]
    for name, busy, own, lines, complaint, expected in cases:
        window = machine.Window([], False)
        window.lines, window.complaint = lines, complaint
        window.foreign = machine.foreign_share(busy, own, 1.0)
        found = window.fault(min(lines, default=None))
        want((found or "").startswith(expected or "\0") or found is expected, f"{name}: {found}")


def check_spinner():
    """A process that is not ours keeps a processor busy: the kernel's own figures show it."""
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with machine.Window([], False) as window:
            while machine.process_seconds(spinner.pid) < 0.5:
                pass
    finally:
        spinner.kill()
        spinner.wait()
    want("foreign load" in (window.fault(None) or ""), f"a spinner: {window.foreign:.2f}")


class FakeCase(Case):
    """Values and faults by turns, instead of measurements."""

    def __init__(self, script, reps):
        options = SimpleNamespace(reps=reps, long_reps=reps, smoke=False, build="", known={})
        super().__init__("fake", 1, ["rove"], options, False)
        self.script = iter(script)

    def measure(self, implementation):
        value, complaint = next(self.script)
        if complaint == "fails":
            raise ValueError(complaint)
        window = machine.Window([], False)
        window.complaint = complaint
        self.windows[implementation].append((window, {"plain": ("ns", value)}))


def check_case(name, script, values, fault):
    case = FakeCase(script, 3)
    case.run(Progress(1000))
    row = case.rows()[0]
    want(row["values"] == values and row["disturbed"] == fault, f"{name}: {row}")


def main():
    check_faults()
    check_spinner()
    check_case("quiet", [(1, None), (2, None), (3, None)], [1, 2, 3], None)
    check_case("run again", [(1, None), (9, "noise"), (3, None), (2, None)], [1, 3, 2], None)
    check_case("two of three count", [(1, None), (2, None)] + [(9, "noise")] * 7, [1, 2], None)
    check_case("one of nine", [(1, None)] + [(9, "noise")] * 8, [1] + [9] * 8,
               "1 of 9 runs count; noise")
    check_case("fails once", [(1, None), (0, "fails"), (2, None), (3, None)], [1, 2, 3], None)
    case = FakeCase([(1, None), (0, "fails"), (0, "fails")], 3)
    case.run(Progress(1000))
    want(case.rows() == [] and len(case.failures) == 1, "a program that fails twice is left out")
    print("disturbances are seen")


if __name__ == "__main__":
    main()
