#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run every seed program and compare what it prints, in which order, and when.

examples/seeds/expected/<program>.txt holds the output of the Python original: one line
`<second>|<text>` for each line printed (clock times as HH:MM:SS), last `duration <seconds>`.
With one worker the order must be exact. With several, lines of one second may come in any order
(the tasks that print them run at the same time), lines of different seconds may not change places.

When is checked too: each line, and the end, must not come before its second, and must come less
than SLACK seconds after it: had two waits been run one after the other instead of side by side,
the sum would be a whole second late. Being early is never excused. Being late may be the
machine's fault at 20 ms a second, and so may a changed order be: who falls a second behind starts
his next sleep after others have ended theirs. Such a program is run again with seconds five times
as long, and again, with the same slack; a serial run would still be a whole second late, and a
wrong order still wrong.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import threading
import time

SLACK = 0.75  # seconds of the note; must stay below 1
HANG = 60  # wall-clock seconds after which a program is killed


SLOWER = (1, 5, 25)  # how much longer a second is at each attempt


class Late(Exception):
    pass


class Disordered(Exception):
    pass


class Wrong(Exception):
    pass


def load(path):
    *lines, last = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("|", 1) for line in lines]
    return [(int(second), text) for second, text in pairs], int(last.split()[1])


def run(program, ms, workers):
    """Lines with the moment each arrived, and the duration, in seconds of the note."""
    start = time.monotonic()
    child = subprocess.Popen([program, str(ms), str(workers)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    # A watchdog, not a measurement: it only turns a hang into a failure.
    timer = threading.Timer(HANG, child.kill)
    timer.start()
    lines = []
    for line in child.stdout:
        when = (time.monotonic() - start) * 1000 / ms
        lines.append((when, line.decode("utf-8").rstrip("\n")))
    child.wait()
    duration = (time.monotonic() - start) * 1000 / ms
    timer.cancel()
    errors = child.stderr.read().decode("utf-8", "replace")
    if child.returncode != 0:
        raise Wrong(f"exit status {child.returncode}: {errors.strip()}")
    return lines, duration


# Two sleeps of one second end here, and in Python too it is chance whether the first result is
# printed before the second task ends: the loop may or may not find both timers due at once.
CHANCE = {"0_06_as_completed"}


def compare_text(expected, lines, is_order_free):
    got = [re.sub(r"\b\d\d:\d\d:\d\d\b", "HH:MM:SS", text) for _, text in lines]
    want = [text for _, text in expected]
    if is_order_free:
        # Sort within each second of the expected output; positions of seconds stay.
        seconds = [second for second, _ in expected]
        want = [text for _, text in sorted(zip(seconds, want))]
        if len(got) == len(seconds):
            got = [text for _, text in sorted(zip(seconds, got))]
    if got != want:
        raise Disordered(f"printed {got}\n    expected {want}")


def compare_times(expected, lines, end, duration):
    moments = [(second, when, text) for (second, _), (when, text) in zip(expected, lines)]
    moments.append((end, duration, "the end"))
    for second, when, text in moments:
        if when < second:
            raise Wrong(f"'{text}' came at second {when:.2f}, before {second}")
    for second, when, text in moments:
        if when > second + SLACK:
            raise Late(f"'{text}' came at second {when:.2f}, not {second}")


def check(program, expected_path, ms, workers):
    expected, end = load(expected_path)
    lines, duration = run(program, ms, workers)
    compare_text(expected, lines, workers > 1 or program.name in CHANCE)
    compare_times(expected, lines, end, duration)


def check_with_retry(program, expected_path, ms, workers):
    for slower in SLOWER[:-1]:
        try:
            check(program, expected_path, ms * slower, workers)
            return
        except (Late, Disordered) as reason:
            print(f"again  {program.name} {workers}, seconds five times as long: {reason}")
    check(program, expected_path, ms * SLOWER[-1], workers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="built seed programs")
    parser.add_argument("--source", type=pathlib.Path, required=True, help="examples/seeds")
    parser.add_argument("--ms", type=int, default=20, help="milliseconds a second lasts")
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    args = parser.parse_args()

    sources = sorted(args.source.glob("[0-9]_*.c"))
    texts = sorted(args.source.glob("expected/*.txt"))
    failures = 0
    if not sources or [s.stem for s in sources] != [t.stem for t in texts]:
        print("FAIL   programs and expected outputs do not match one to one")
        failures += 1
    for source, text in zip(sources, texts):
        if args.only not in source.stem:
            continue
        for workers in (1, 4):
            try:
                check_with_retry(args.bin / source.stem, text, args.ms, workers)
                print(f"ok     {source.stem} workers={workers}")
            except (Wrong, Late, Disordered, OSError) as error:
                print(f"FAIL   {source.stem} workers={workers}: {error}")
                failures += 1
    print(f"{len(sources)} programs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
