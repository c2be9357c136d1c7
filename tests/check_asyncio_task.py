#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run what CPython's page "Coroutines and Tasks" shows, in Python and in C, and compare.

examples/asyncio_task/ holds each snippet of the page twice, <name>.py and <name>.c, and what both
print: expected/<name>.txt, one line `<second>|<text>` for each line printed, clock times masked.

 - The Python program runs on a virtual clock (a selector that does not wait but moves the loop's
   time on) and must print the expected lines, in order, each at its second. It is left out where
   this interpreter is too old for it.
 - The C program runs on the real runtime with short seconds, on each back-end: on one CPU in the
   expected order; on all CPUs the same lines in any order. What a program prints can depend on
   two sleeps not ending at once, so one that is wrong gets a second chance with longer seconds.
 - The C program runs in the simulation (rove/sim.h), with several seeds, hence several numbers of
   workers: each line must come at its second of virtual time. No machine is too slow for that.

With --table the page of line counts in docs/asyncio-task-page.md is compared too.
"""
import argparse
import asyncio
import contextlib
import io
import os
import pathlib
import re
import runpy
import selectors
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "examples" / "asyncio_task"
DOCUMENT = ROOT / "docs" / "asyncio-task-page.md"
HANG = 60  # seconds; only turns a hang into a failure
LONGER = 20
SEEDS = range(1, 7)

SINCE = {"13_eager": (3, 12), "22_as_completed": (3, 13)}
# Real threads or sockets take part: the second of a line is not Python's loop's to say.
NOT_TIMED = {"24_to_thread", "22_as_completed", "23_as_completed_plain", "25_threadsafe",
             "26_loop_in_thread"}
ANY_ORDER = {"22_as_completed"}  # two connections are made; which is first is the kernel's choice
NOT_SIMULATED = {"22_as_completed", "23_as_completed_plain", "26_loop_in_thread"}


class Wrong(Exception):
    pass


def mask(text):
    text = re.sub(r"\b\d{4}-\d\d-\d\d\b", "YYYY-MM-DD", text)
    return re.sub(r"\b\d\d:\d\d:\d\d\b", "HH:MM:SS", text)


class Clock(selectors.DefaultSelector):
    """Does not wait for time to pass: takes it as passed."""

    now = 0.0

    def select(self, timeout=None):
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout is not None and timeout > 0:
            Clock.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__(Clock())
        Clock.now = 0.0

    def time(self):
        return Clock.now


class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return Loop()


class Stamped(io.StringIO):
    """What print writes, each line with the second at which it began."""

    def write(self, text):
        if self.tell() == 0 or self.getvalue().endswith("\n"):
            super().write(f"{int(Clock.now + 1e-6)}|")
        return super().write(text)


def run_python(path):
    out = Stamped()
    Clock.now = 0.0
    asyncio.set_event_loop_policy(Policy())
    real_sleep, time.sleep = time.sleep, lambda seconds: None
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_path(str(path))
    finally:
        time.sleep = real_sleep
        asyncio.set_event_loop_policy(None)
    return mask(out.getvalue()).splitlines()


def run_c(program, **env):
    cpus = {sorted(os.sched_getaffinity(0))[0]} if env.pop("one_cpu", False) else None
    child = subprocess.run([program], env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=HANG, check=False,
                           preexec_fn=cpus and (lambda: os.sched_setaffinity(0, cpus)))
    if child.returncode != 0:
        raise Wrong(f"exit status {child.returncode}: {child.stderr.decode().strip()}")
    return mask(child.stdout.decode()).splitlines()


def compare(what, got, want):
    if got != want:
        raise Wrong(f"{what} printed {got}\n    expected {want}")


def texts(lines):
    return [line.partition("|")[2] for line in lines]


def check_python(source, expected):
    if sys.version_info[:2] < SINCE.get(source.stem, (3, 11)):
        return
    got = run_python(source.with_suffix(".py"))
    if source.stem in ANY_ORDER:
        compare("Python", sorted(texts(got)), sorted(texts(expected)))
    elif source.stem in NOT_TIMED:
        compare("Python", texts(got), texts(expected))
    else:
        compare("Python", got, expected)


def check_real(source, directory, ms, expected):
    is_free = source.stem in ANY_ORDER
    want = texts(expected)
    for backend in ({}, {"ROVE_BACKEND": "epoll"}):
        env = {"PAGE_MS": str(ms), **backend}
        got = run_c(directory / source.stem, one_cpu=True, **env)
        if is_free:
            got, want = sorted(got), sorted(want)
        compare(f"C on one CPU {backend}", got, want)
        got = run_c(directory / source.stem, **env)
        compare(f"C on all CPUs {backend}", sorted(got), sorted(want))


def check_real_with_retry(source, directory, ms, expected):
    try:
        check_real(source, directory, ms, expected)
    except Wrong as wrong:
        print(f"again  {source.stem}, seconds {LONGER} times as long: {wrong}")
        check_real(source, directory, ms * LONGER, expected)


def check_simulated(source, directory, expected):
    if source.stem in NOT_SIMULATED or not (directory / f"sim_{source.stem}").exists():
        return
    for seed in SEEDS:
        got = run_c(directory / f"sim_{source.stem}", PAGE_SEED=str(seed))
        compare(f"C simulated, seed {seed},", sorted(got), sorted(expected))


def lines_of_code(path):
    """Lines that say something: no comments, no blank ones, no lone braces; one-line comments."""
    text = path.read_text(encoding="utf-8")
    return sum(1 for line in text.splitlines()
               if not re.fullmatch(r"\s*([{}]?;?|//.*|#(?!include).*|/\*.*\*/)\s*", line))


def table(sources):
    rows = [(s.stem, lines_of_code(s.with_suffix(".py")), lines_of_code(s)) for s in sources]
    rows.append(("all", sum(r[1] for r in rows), sum(r[2] for r in rows)))
    return [f"| `{name}` | {python} | {c} |" for name, python, c in rows]


def check_table(sources):
    rows = re.findall(r"^\| `.*", DOCUMENT.read_text(encoding="utf-8"), re.M)
    # What the snippet shows stands in a fourth cell.
    rows = [" | ".join(row.split(" | ")[:3]).rstrip(" |") + " |" for row in rows]
    if rows != table(sources):
        raise Wrong("docs/asyncio-task-page.md should have\n" + "\n".join(table(sources)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="built programs")
    parser.add_argument("--ms", type=int, default=10, help="milliseconds a second lasts")
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    parser.add_argument("--table", action="store_true", help="compare the table of lines, too")
    args = parser.parse_args()
    sources = sorted(SOURCE.glob("[0-9]*.c"))
    names = [path.stem for path in sources]
    failures = 0
    for other in (SOURCE.glob("[0-9]*.py"), SOURCE.glob("expected/*.txt")):
        if not names or names != sorted(path.stem for path in other):
            print("FAIL   not every program has a Python original and an expected output")
            failures += 1
    for source in sources:
        if args.only not in source.stem:
            continue
        try:
            text = (SOURCE / "expected" / f"{source.stem}.txt").read_text(encoding="utf-8")
            check_python(source, text.splitlines())
            check_real_with_retry(source, args.bin, args.ms, text.splitlines())
            check_simulated(source, args.bin, text.splitlines())
            print(f"ok     {source.stem}")
        except (Wrong, OSError, subprocess.TimeoutExpired) as error:
            print(f"FAIL   {source.stem}: {error}")
            failures += 1
    if args.table:
        try:
            check_table(sources)
        except Wrong as error:
            print(f"FAIL   {error}")
            failures += 1
    print(f"{len(sources)} programs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
