# SPDX-License-Identifier: MIT
"""A case: the implementations that meet in one workload, and the windows that were measured."""
import os
import re
import subprocess
import sys
import time

from harness import machine, peers, results
from harness.workloads import ONE_THREAD

RUN_TIMEOUT_S = 300
LONGEST = 4  # times what config.h says
PACE_S = 20  # of what was planned, before its pace is believed
AT_ONCE = 2  # turns that make up for disturbed ones before the next case has its own
WAIT_S = 4  # at most, for processors to be quiet and as near as in the windows that count
LOOK_S = 0.1  # of it
SHARED_S = 0.05  # that the line's time after one window is young enough to be the next one's before


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse_output(text):
    """Lines "metric unit value"."""
    found = {}
    for line in text.splitlines():
        metric, unit, value = line.split()
        found[metric] = unit, float(value)
    if not found:
        raise ValueError("no metric was printed")
    return found


def not_counted(text):
    """{what: why}, of the loader's lines "not counted: WHAT: WHY" on stderr."""
    lines = (line.split(": ", 2) for line in text.splitlines())
    return {words[1]: words[2] for words in lines if words[0] == "not counted"}


def shown(command):
    return " ".join(word.replace(peers.ROOT + os.sep, "") for word in command)


class Lengthened(Exception):
    """A number of the workload was too small for this machine, and is twice as large from now."""


class Case:
    """Every repetition measures each implementation once, in an order that turns."""

    def __init__(self, name, workers, implementations, options, needs_line):
        self.name, self.workers, self.options = name, workers, options
        self.cpus = sorted(os.sched_getaffinity(0))
        self.needs_line = needs_line and len(self.cpus) > 1 and not options.smoke
        self.windows = {i: [] for i in implementations if workers == 1 or i not in ONE_THREAD}
        self.seconds = {i: [] for i in self.windows}
        self.key = f"{name} w={workers}"
        self.turn = 0
        self.last_line = None  # (when, ns)
        self.start_seconds = 0.0  # that the last start took
        self.failed = set()
        self.failures = []  # of our own programs: the run goes on, and fails at its end

    def measure_once(self, implementation):
        """{metric: (unit, value)}; Missing, ValueError or TimeoutExpired when it failed."""
        raise NotImplementedError

    def complaint(self, found):
        """What the measurement itself says against being counted, or None."""
        del found

    def command_lines(self, implementation):
        """What is run, as one could type it."""
        raise NotImplementedError

    def own_seconds(self):
        """Processor time of ours that is not in a child that ended."""
        return 0.0

    def start(self, names=None):
        """Before the first repetition, and before those of some are repeated."""

    def stop(self):
        """After the last."""

    def line(self):
        return [os.path.join(self.options.build, "bench", "line"),
                *(str(c) for c in self.cpus[:2])]

    def window(self):
        window = machine.Window(self.line(), self.needs_line, self.own_seconds)
        if self.last_line and time.monotonic() - self.last_line[0] < SHARED_S:
            window.lines.append(self.last_line[1])
        return window

    def is_calm(self):
        """Whether a window that begins now might count."""
        with machine.Window(self.line(), self.needs_line, self.own_seconds) as window:
            time.sleep(LOOK_S)
        return not window.fault(self.level())

    def await_calm(self):
        """Before a repeat: cheaper than a window that will not count. Only so long, since where
        most windows are may change."""
        end = time.monotonic() + WAIT_S
        while not self.is_calm() and time.monotonic() < end:
            pass

    def measure(self, implementation):
        begin = time.monotonic()
        with self.window() as window:
            found = self.measure_once(implementation)
        is_timed = window.lines and not window.is_starved
        self.last_line = (time.monotonic(), window.lines[-1]) if is_timed else None
        window.complaint, window.turn = self.complaint(found), self.turn
        self.seconds[implementation].append(time.monotonic() - begin)
        self.windows[implementation].append((window, found))

    def level(self):
        """The least line time of the windows to compare: where most implementations have enough
        of them, then where most windows are; the nearer of two that are as good."""
        clean = {name: [w for w, _ in windows if w.lines and not w.load_fault()]
                 for name, windows in self.windows.items()}

        def worth(level):
            counts = {name: sum(w.is_at(level) for w in windows)
                      for name, windows in clean.items()}
            return (sum(n >= self.least_good() for n in counts.values()),
                    sum(min(n, self.repetitions()) for n in counts.values()), -level)

        return max({min(w.lines) for windows in clean.values() for w in windows}, key=worth,
                   default=None)

    def good(self, implementation):
        """(window, what it found) of those that count."""
        level = self.level()
        return [(w, found) for w, found in self.windows[implementation] if not w.fault(level)]

    def lacks(self, name, wanted):
        return len(self.good(name)) < wanted

    def lacking(self, wanted, names=None):
        """Of names (None: all) those with fewer windows that count."""
        return [name for name in self.windows
                if (names is None or name in names) and self.lacks(name, wanted)]

    def in_turn(self):
        names = list(self.windows)
        first = self.turn % max(1, len(names))
        return names[first:] + names[:first]

    def take_turn(self, progress, is_again=False):
        try:
            for name in self.in_turn():
                progress.step(f"{self.key} {name}", 0 if is_again else self.expected(name))
                self.measure_or_drop(name)
            self.turn += 1
        except Lengthened as e:
            self.forget_turn(e)
            self.take_turn(progress, True)

    def take_turn_again(self, progress, lacking):
        """And rove, so that there is a round to compare in."""
        try:
            for name in self.in_turn():
                if (name == "rove" or name in lacking) and progress.has_time(self.expected(name)):
                    progress.step(f"{self.key} {name}, again", 0)
                    self.await_calm()
                    self.measure_or_drop(name)
        except Lengthened as e:
            self.forget_turn(e)
        self.turn += 1

    def forget_turn(self, why):
        """In each round all had the same numbers, so that its ratios compare like with like."""
        say(f"\n{self.key}: {why}")
        for name, windows in self.windows.items():
            self.windows[name] = [w for w in windows if w[0].turn != self.turn]

    def run(self, progress):
        """As planned, then some of what must be had at once; mend() comes back to the rest."""
        while self.turn < self.repetitions() and self.windows:
            self.take_turn(progress)
        self.repeat(progress, self.least_good(), 0 if self.options.smoke else AT_ONCE)

    def repeat(self, progress, wanted, turns, names=None):
        """Up to so many turns, until all of names have so many windows that count."""
        for _ in range(turns):
            lacking = self.lacking(wanted, names)
            if not lacking or not progress.has_time():
                return
            self.take_turn_again(progress, lacking)

    def measure_or_drop(self, name):
        try:
            self.measure(name)
        except (peers.Missing, ValueError, OSError, subprocess.TimeoutExpired) as e:
            if name not in self.failed and not self.options.smoke:
                self.failed.add(name)  # once may be the machine's fault: the next turn tries again
                say(f"\nfailed once: {self.key} {name}: {e}")
                return
            say(f"\nleft out: {self.key} {name}: {e}")
            del self.windows[name]
            if name in ("rove", "limit"):
                self.failures.append(f"{self.key} {name}: {e}")

    def expected(self, implementation):
        """Seconds of one repetition; measured once on the machine of docs/performance.md."""
        return self.options.known.get(f"{self.key} {implementation}", 1.0)

    def repetitions(self):
        return 1 if self.options.smoke else self.options.reps

    def expected_total(self):
        return sum(self.expected(i) * self.repetitions() for i in self.windows)

    def rows(self):
        out = []
        for name, windows in self.windows.items():
            if not windows:
                continue
            good, fault = self.good(name), None
            if len(good) < self.least_good() and not self.options.smoke:
                faults = [f for w, _ in windows if (f := w.fault(self.level()))]
                fault = (f"{len(good)} of {len(windows)} runs count"
                         + "".join(f"; {f}" for f in faults[-1:]))
                good = []
            good = good or windows
            units = {metric: unit for _, found in good for metric, (unit, _) in found.items()}
            for metric, unit in units.items():
                having = [(w.turn, found[metric][1]) for w, found in good if metric in found]
                turns, values = zip(*having)
                out.append(results.make_row(self.name, metric, unit, name, self.workers,
                                            list(values), fault, list(turns)))
        return out

    def least_good(self):
        """A median wants more than half of the repetitions."""
        return self.repetitions() // 2 + 1

    def durations(self):
        return {f"{self.key} {name}": round(min(self.seconds[name]), 2)
                for name in self.windows if self.seconds[name]}


class ProgramCase(Case):
    """A workload whose implementations are programs that run, print and end."""

    def __init__(self, workload, workers, commands, options):
        super().__init__(workload.name, workers, commands, options,
                         workers > 1 or workload.needs_all_cpus)
        self.workload, self.commands, self.memory = workload, commands, None
        self.longer = {}  # {number of the workload: times what config.h says}
        self.pinned = self.cpus if workload.needs_all_cpus else self.cpus[:workers]

    def start(self, names=None):
        begin = time.monotonic()
        self.memory = machine.keep_memory(self.workload.needs_mib)
        self.start_seconds = time.monotonic() - begin

    def stop(self):
        if self.memory is not None:
            self.memory.close()
        self.memory = None

    def command(self, implementation):
        return ["taskset", "-c", ",".join(str(c) for c in self.pinned),
                *self.commands[implementation],
                *self.workload.arguments(self.workers, self.longer)]

    def command_lines(self, implementation):
        return [shown(self.command(implementation))]

    def measure_once(self, implementation):
        return self.output_of(self.command(implementation), implementation)

    def output_of(self, command, implementation="rove"):
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
        if done.returncode != 0:
            self.lengthen(implementation, done.stderr)
            raise peers.Missing(f"ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return parse_output(done.stdout)

    def lengthen(self, implementation, said):
        """Where a program says "wrong: NAME is too short ..." (timers do), twice as long for all
        of this row: what is long enough everywhere, each repetition would wait out everywhere."""
        found = re.search(r"\b([A-Z_]+) is too short", said)
        name = found and found.group(1)
        if name in self.workload.config and self.longer.get(name, 1) < LONGEST:
            self.longer[name] = 2 * self.longer.get(name, 1)
            raise Lengthened(f"{name} is too short for {implementation}: "
                             f"{self.longer[name]} times as long, for all")


def mend(cases, progress, first):
    """What was disturbed, again at the end, since the machine may be another by now, turn by turn
    until nothing is lacking or the time is over: what lacks a median before what lacks
    repetitions, and of each those first that first(case) names."""
    for wanted in (Case.least_good, Case.repetitions):
        for names_of in (first, lambda case: None):
            while mend_once(cases, progress, wanted, names_of):
                pass


def mend_once(cases, progress, wanted, names_of):
    """Whether anything was repeated."""
    is_any = False
    for case in cases:
        lacking = case.lacking(wanted(case), names_of(case))
        seconds = case.start_seconds + sum(case.expected(name) for name in lacking)
        if not lacking or not progress.has_time(seconds):
            continue
        try:
            case.start({"rove", *lacking})
            case.repeat(progress, wanted(case), AT_ONCE, lacking)
        finally:
            case.stop()
        is_any = True
    return is_any


def progress_limit(planned, seconds):
    """Seconds after which nothing is repeated any more."""
    return min(2 * planned + 10, seconds)


class Progress:
    """The time that is planned, what is left of it, and what may be spent on repeats."""

    def __init__(self, planned, limit):
        self.planned, self.limit, self.done = max(planned, 1), limit, 0
        self.begin = self.last = time.monotonic()
        self.again, self.is_again = 0, False  # seconds that repeats took; whether one is running

    def has_time(self, seconds=0):
        """For a repeat of so many seconds: not at the cost of what is still planned."""
        rest = max(0, self.planned - self.done) * max(1, self.pace())
        return time.monotonic() - self.begin + rest + seconds < self.limit

    def pace(self):
        """Seconds that a planned one takes."""
        passed = time.monotonic() - self.begin - self.again
        return passed / self.done if self.done > PACE_S else 1

    def left(self):
        """Seconds, and how sure that is."""
        passed, rest = time.monotonic() - self.begin, self.planned - self.done
        if rest <= 0:
            return f"at most {max(0, self.limit - passed):.0f} s left"
        return f"{rest * self.pace():.0f} s left"

    def step(self, what, seconds):
        """Something of so many planned seconds begins; 0: a repeat."""
        now = time.monotonic()
        self.again += (now - self.last) * self.is_again
        self.last, self.is_again = now, seconds == 0
        share, left = min(1.0, self.done / self.planned), self.left()
        self.done += seconds
        if sys.stderr.isatty():
            bar = "#" * int(30 * share)
            print(f"\r[{bar:<30}] {share:4.0%}  {left:<20} {what:<40}", end="", file=sys.stderr,
                  flush=True)
