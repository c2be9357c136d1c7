#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that a disturbed window is seen, run again, and kept out of a row or marked."""
import ctypes
import mmap
import os
import struct
import subprocess
import sys
import tempfile
from types import SimpleNamespace

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import machine, results  # noqa: E402
from harness.cases import Case, ProgramCase, Progress, mend  # noqa: E402
from harness.workloads import Workload  # noqa: E402

LARGE_BYTES = 2 << 20  # what Linux reports to a host as free, at least


def want(is_right, what):
    if not is_right:
        sys.exit(f"wrong: {what}")


def check_faults():
    """What /proc/stat and the line say, made up: seconds busy and own in a window of wall time."""
    rounding = 2 * len(os.sched_getaffinity(0)) / machine.TICKS
    cases = [("quiet", 1.0, 1.0, [60, 62], None, None),
             ("others", 1.5 + rounding, 1.0, [], None, "foreign load of 50%"),
             ("rounding", 1.0 + rounding, 1.0, [], None, None),
             ("moved apart", 1.0, 1.0, [60, 300], None, "a line took 60 and 300 ns"),
             ("its own word", 1.0, 1.0, [], "the loader was late", "the loader was late")]
    for name, busy, own, lines, complaint, expected in cases:
        window = machine.Window([], False)
        window.lines, window.complaint = lines, complaint
        window.foreign = machine.foreign_share(busy, own, 1.0)
        found = window.fault(min(lines, default=None))
        want((found or "").startswith(expected or "\0") or found is expected, f"{name}: {found}")


def check_starved():
    """A line that others keep from its processors disturbs the window, and nothing fails."""
    real, machine.LINE_S = machine.LINE_S, 0.05
    try:
        with machine.Window(["tail", "-f", "/dev/null"], True) as window:
            pass
    finally:
        machine.LINE_S = real
    want((window.fault(None) or "").startswith("a line could not be timed"), "a line for ever")


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
    """Values and faults by turns, or lines, instead of measurements."""

    def __init__(self, script, reps, names=("rove",)):
        options = SimpleNamespace(reps=reps, smoke=False, build="", known={})
        super().__init__("fake", 1, names, options, False)
        self.script = iter(script)

    def await_calm(self):
        """The script says when it is calm."""

    def measure(self, implementation):
        value, complaint = next(self.script)
        if complaint == "fails":
            raise ValueError(complaint)
        window = machine.Window([], False)
        window.turn = self.turn
        if isinstance(complaint, list):
            window.lines = complaint
        else:
            window.complaint = complaint
        self.windows[implementation].append((window, {"plain": ("ns", value)}))


def run(case, is_mended=True):
    """As planned with what must be had; then once what bench/run does at its end."""
    progress = Progress(1, 1000)
    case.run(progress)
    if is_mended:
        mend([case], progress, lambda case: None)
    return case


def check_case(name, script, values, fault, is_mended=True):
    case = run(FakeCase(script, 3), is_mended)
    row = case.rows()[0]
    want(row["values"] == values and row["disturbed"] == fault, f"{name}: {row}")


def check_levels():
    """Processors that were near three times, far four times and moved once: the far windows are
    compared, and of those that are as many the near ones."""
    near, far, moved = [60, 61], [300, 310], [60, 300]
    check_case("mostly far", [(1, near), (5, far), (6, far), (7, far)], [5, 6, 7], None)
    check_case("mostly near", [(1, near), (5, far), (2, near), (3, near)], [1, 2, 3], None)
    case = run(FakeCase([(1, near), (2, near), (9, moved), (5, far), (6, far), (3, near)], 3))
    want(case.rows()[0]["values"] == [1, 2, 3], "a processor moved within a window")
    case = run(FakeCase([(1, [18, 19])] + [(n, near) for n in (2, 3, 4)], 3))
    want(case.rows()[0]["values"] == [2, 3, 4], "one lucky line disqualifies nobody")


def check_repeats():
    """rove runs with those that lack something, and repeats leave time for what is planned."""
    script = [(1, None), (1, None), (2, "noise"), (2, None), (3, None), (3, "noise")]
    case = run(FakeCase(script + [(4, None), (4, None)] * 2, 3, ("rove", "go")))
    rounds = {row["implementation"]: row["rounds"] for row in case.rows()}
    want(rounds == {"rove": [0, 1, 2, 3, 4], "go": [0, 3, 4]}, f"rounds to compare in: {rounds}")
    want(Progress(10, 20).has_time() and not Progress(20, 10).has_time(), "time for repeats")


def check_mending():
    """At the end: medians before repetitions, those of a bar first, until nothing is lacking; and
    nothing when the time is over."""
    order = []

    class Named(FakeCase):
        def start(self, names=None):
            order.append((self.name, names))

    noise, count = [(9, "noise")], [(1, None)]
    cases = [Named(noise + 3 * count, 3, ("go",)),
             Named(2 * noise + 6 * count, 3, ("go", "tokio"))]
    for case, name in zip(cases, ("other", "bar")):
        case.name = name
        while case.turn < 1:
            case.take_turn(Progress(1, 1000))
    mend(cases, Progress(1, 0), lambda case: None)
    want(not order, "repeats when the time is over")
    mend(cases, Progress(1, 1000), lambda case: {"go"} if case.name == "bar" else set())
    starts = [("bar", {"rove", "go"}), ("other", {"rove", "go"}), ("bar", {"rove", "tokio"})]
    want(order == 2 * starts, f"order of repeats: {order}")
    counts = [row["runs"] for case in cases for row in case.rows()]
    want(counts == [3, 3, 3], f"all are complete: {counts}")


def check_calm():
    """A repeat waits while others use the processors, and for a line as near as it was."""
    case = FakeCase([(1, [60, 61])], 1)
    case.take_turn(Progress(1, 1000))
    looks = iter([([300, 310], 0), ([60, 300], 0), ([61, 62], 0.5), ([70, 71], 0)])

    class Looked(machine.Window):
        def __enter__(self):
            self.lines, self.foreign = next(looks)
            return self

        def __exit__(self, *_):
            """The look has it all."""

    real, machine.Window = machine.Window, Looked
    try:
        Case.await_calm(case)
    finally:
        machine.Window = real
    want(next(looks, None) is None, "a repeat begins when it is calm, and no later")


def check_memory():
    """What is kept is a page of each 256, and no large block of what was touched is free; where
    pages are is root's to know."""
    real, machine.TOUCHED_MIB = machine.TOUCHED_MIB, 64
    try:
        want(machine.keep_memory(63) is None, "little memory is left to the warm-up")
        kept = machine.keep_memory(256)
    finally:
        machine.TOUCHED_MIB = real
    start = ctypes.addressof(ctypes.c_char.from_buffer(kept)) // mmap.PAGESIZE
    with open("/proc/self/pagemap", "rb") as f:
        f.seek(8 * start)
        entries = struct.unpack(f"<{len(kept) // mmap.PAGESIZE}Q", f.read(8 * len(kept)
                                                                       // mmap.PAGESIZE))
    here = [e & (1 << 55) - 1 for e in entries if e >> 63]
    want(len(here) == len(kept) // machine.KEPT_EVERY, f"{len(here)} pages are kept")
    blocks = {page * mmap.PAGESIZE // LARGE_BYTES for page in here}
    want(not any(here) or len(blocks) >= 0.9 * len(kept) / LARGE_BYTES,
         f"pages are kept in {len(blocks)} large blocks")


SLEEPERS = """echo >>"$0"
for word; do case $word in LEAD_MS=*) lead=${word#*=} ;; esac; done
least=$1; [ $(wc -l <"$0") -gt $2 ] && least=$3
[ $lead -ge $least ] && echo lead ms $lead && exit
echo "timers: wrong: LEAD_MS is too short to make them all" >&2
exit 1
"""


def leads(least, runs, later):
    """[(turn, LEAD_MS)] of rove, which any is enough for, and of Go, which wants `least` in so many
    runs and then `later`; three turns."""
    workload = Workload("timers", is_smoke=True)
    options = SimpleNamespace(reps=3, smoke=False, build="", known={})
    with tempfile.TemporaryDirectory() as folder:
        commands = {name: ["sh", "-c", SLEEPERS, os.path.join(folder, name), *map(str, wants)]
                    for name, wants in (("rove", (0, 0, 0)), ("go", (least, runs, later)))}
        case = ProgramCase(workload, 1, commands, options)
        while case.turn < options.reps:
            case.take_turn(Progress(1, 1000))
    return [[(w.turn, found["lead"][1]) for w, found in case.windows.get(name, [])]
            for name in commands]


def check_lead():
    """A number that is too small is doubled for all of the row, so that those of a round are alike,
    and not for ever."""
    base = Workload("timers", is_smoke=True).config["LEAD_MS"]
    for factor in (1, 2, 4):
        expected = [(turn, factor * base) for turn in range(3)]
        found = leads(factor * base, 0, factor * base)
        want(found[0] == found[1] and sorted(found[0]) == expected, f"{factor} times: {found}")
    mine, others = leads(base, 2, 2 * base)
    want(mine == others and sorted(mine) == [(0, base), (1, base), (2, 2 * base)],
         f"slow from the third on: {mine}, {others}")
    mine, others = leads(5 * base, 0, 5 * base)
    want(not others and {lead for _, lead in mine} == {4 * base}, f"too slow: {mine}, {others}")


def check_rounds():
    """Half as fast all along, while the machine slows down: the rounds' ratios say two."""
    values = [10.0, 20.0, 40.0, 80.0, 160.0]
    rove = results.make_row("w", "plain", "ns", "rove", 1, values, None, [0, 1, 2, 3, 4])
    other = results.make_row("w", "plain", "ns", "go", 1, [v / 2 for v in values[2:]] + [5.0],
                             None, [2, 3, 4, 0])
    want(results.ratio(rove, other) == 2, "ratios are taken round by round")
    other["rounds"] = []
    want(results.ratio(rove, other) == 40 / 30, "without rounds medians are compared")


def main():
    check_faults()
    check_levels()
    check_rounds()
    check_lead()
    check_memory()
    check_repeats()
    check_mending()
    check_calm()
    check_starved()
    check_spinner()
    check_case("quiet", [(1, None), (2, None), (3, None)], [1, 2, 3], None)
    check_case("run again", [(1, None), (9, "noise"), (3, None), (2, None)], [1, 3, 2], None)
    check_case("two of three count", [(1, None), (2, None)] + [(9, "noise")] * 4, [1, 2], None,
               is_mended=False)
    check_case("one of five", [(1, None)] + [(9, "noise")] * 4, [1] + [9] * 4,
               "1 of 5 runs count; noise", is_mended=False)
    check_case("fails once", [(1, None), (0, "fails"), (2, None), (3, None)], [1, 2, 3], None)
    case = run(FakeCase([(1, None)] + [(9, "noise")] * 5 + [(2, None), (3, None)], 3))
    want(case.rows()[0]["values"] == [1, 2, 3], "what was disturbed for long is repeated later")
    case = FakeCase([(1, None), (0, "fails"), (0, "fails")], 3)
    run(case)
    want(case.rows() == [] and len(case.failures) == 1, "a program that fails twice is left out")
    print("disturbances are seen")


if __name__ == "__main__":
    main()
