# SPDX-License-Identifier: MIT
"""The bars of the design, and how a run did at each: computed from its rows, nothing is typed.

A bar is what the design wanted before there was anything, often by the hair of what a prototype
reached; what was missed stays in the table. Peers that Debian does not package are not in a run:
Photon, libdill, libfork, libreactor, may_minihttp.
"""
from harness.results import find, number, ratio
from harness.words import NAMES


class Check:
    """A figure of a run, and the least or the most that it may be."""

    def __init__(self, label, figure, bound, wants, is_least=False, is_ratio=True):
        """wants: {(workload, workers, implementation)} that the figure is computed from."""
        self.label, self.figure, self.bound, self.wants = label, figure, bound, wants
        self.is_least, self.is_ratio = is_least, is_ratio

    def result(self, rows):
        """(text, met); met is None where the run has no figure that counts."""
        value = self.figure(rows)
        if value is None:
            return f"{self.label} –", None
        met = value >= self.bound if self.is_least else value <= self.bound
        text = f"{value:.2f}" if self.is_ratio else number(value)
        return f"{self.label} {text}", met


def row_of(rows, workload, metric, workers, implementation="rove"):
    wanted = {"workload": workload, "metric": metric, "workers": workers}
    found = find(rows, wanted, implementation)
    return None if found is None or found["disturbed"] else found


def over(workload, metric, workers, other, bound, label="", their_metric=None):
    """rove's figure over another's of the same workload; of a rate the bound is the least."""
    def figure(rows):
        mine = row_of(rows, workload, metric, workers)
        theirs = row_of(rows, workload, their_metric or metric, workers, other)
        return mine and ratio(mine, theirs)
    wants = {(workload, workers, "rove"), (workload, workers, other)}
    return Check(label or f"{NAMES[other]}, {workers} w", figure, bound, wants, metric == "rate")


def own(workload, metric, workers, bound, label=""):
    """rove's figure itself."""
    def figure(rows):
        mine = row_of(rows, workload, metric, workers)
        return mine and mine["median"]
    return Check(label or f"{workers} w", figure, bound, {(workload, workers, "rove")},
                 is_ratio=False)


def two(workload, above, below, bound, label, is_least=False):
    """One of rove's figures over another of the same workload: each (metric, workers)."""
    def figure(rows):
        first, second = row_of(rows, workload, *above), row_of(rows, workload, *below)
        return first["median"] / second["median"] if first and second else None
    return Check(label, figure, bound, {(workload, w, "rove") for _, w in (above, below)}, is_least)


def peers(workload, metric, workers, others, bound):
    return [over(workload, metric, w, other, bound) for other in others for w in workers]


SINGLE = [(size, n) for size in (64, 4096) for n in (1, 64, 512, 5000)]
SUSPENDING = ("go", "tokio", "fiber")

# (the design's name, what is compared with what, checks)
BARS = [
    ("S1", "yield, 1000 tasks: at most 2.1 × a jump round 1000 contexts",
     [over("yield_many", "plain", 1, "limit", 2.1)]),
    ("S1", "ahead of every peer that steals; with 2 workers at most 1.3 × one's",
     [*peers("yield_many", "plain", [1, 2], SUSPENDING, 1),
      two("yield_many", ("plain", 2), ("plain", 1), 1.3, "2 w over 1 w")]),
    ("S2", "create and await: at most 3 × a context and two jumps",
     [over("spawn_join", "plain", 1, "limit", 3, "plain"),
      over("spawn_join", "eager", 1, "limit", 3, "eager")]),
    ("S2", "at most a quarter of the runtimes' whose tasks can suspend, 1 w",
     [over("spawn_join", kind, 1, other, 0.25, f"{NAMES[other]}, {kind}")
      for other in SUSPENDING for kind in ("plain", "eager")]),
    ("S3", "create 100,000, await all: at most 60 ns",
     [own("spawn_many", "plain", 1, 60)]),
    ("S3", "at most half of Go's", [over("spawn_many", "plain", 2, "go", 0.5)]),
    ("S4", "channel round trip: at most 1.66 × two jumps (1.5 × the prototype, of 10.6 to 9.6)",
     [over("ping_pong", "plain", 1, "limit", 1.66)]),
    ("S4", "at most a third of Go's", [over("ping_pong", "plain", 2, "go", 1 / 3)]),
    ("S4", "channel 4 to 4, buffer 64: no slower than Go",
     peers("channel", "plain", [1, 2], ["go"], 1)),
    ("S5", "mutex, 64 tasks: no slower than Go", peers("mutex", "plain", [1, 2], ["go"], 1)),
    ("S6", "skynet, eager, ms: at most 40 with 1 worker, 20 with 2",
     [own("skynet", "eager", 1, 40), own("skynet", "eager", 2, 20)]),
    ("S7", "fib: at most 1.3 × a stack for each call", [over("fib", "plain", 1, "limit", 1.3)]),
    ("S7", "fib: at most a quarter of oneTBB's", peers("fib", "plain", [1, 2], ["tbb"], 0.25)),
    ("S7", "speed-up by a second worker: at least 1.9",
     [two(w, ("plain", 1), ("plain", 2), 1.9, w, True)
      for w in ("fib", "nqueens", "uts")]),
    ("S7", "uts: at most 1.1 × serial C",
     [over("uts", "plain", 1, "limit", 1.1, "1 w", their_metric="serial")]),
    ("S8", "a million sleeping: at most 4710 bytes (4.6 KiB) each, page tables included",
     [own("memory", "many_bytes", 1, 4710)]),
    ("S8", "no processor time while they sleep, %", [own("memory", "many_cpu", 1, 0.05)]),
    ("S8", "to make one at most 1000 ns, to wake one at most 120 ns",
     [own("memory", "many_create", 1, 1000, "make"), own("memory", "many_wake", 1, 120, "wake")]),
    ("S9", "a million timers: half of them late by at most 60 us, 1 % by 300",
     [own("timers", "late_p50", w, 60, f"p50, {w} w") for w in (1, 2)]
     + [own("timers", "late_p99", w, 300, f"p99, {w} w") for w in (1, 2)]),
    ("S9", "processor time at most Tokio's", peers("timers", "cpu", [1, 2], ["tokio"], 1)),
    ("S10", "wake from a thread, p50: at most 1.1 × Tokio's",
     peers("wake_remote", "wake_p50", [1, 2], ["tokio"], 1.1)),
    ("S11", "hog and ticks, p99: at most 150 us", [own("mixed", "late_p99", 2, 150)]),
    ("R1", "echo, CPU a request: at most 1.05 × raw io_uring's, at 5000 connections 1.3 ×",
     [over(f"echo_{n}x{size}", "cpu", 1, "raw_uring", 1.3 if n == 5000 else 1.05, f"{n}x{size}")
      for size, n in SINGLE]),
    ("R1", "at most raw epoll's",
     [over(f"echo_{n}x{size}", "cpu", 1, "raw_epoll", 1, f"{n}x{size}") for size, n in SINGLE]),
    ("R2", "echo with 2 workers: CPU at most the raw loops'",
     [over(f"echo_{n}x64", "cpu", 2, raw, 1, f"{n}x64, {NAMES[raw]}")
      for n in (64, 512) for raw in ("raw_epoll", "raw_uring")]),
    ("R2", "p99 at most 1.2 × theirs",
     [over(f"echo_{n}x64", "p99", 2, raw, 1.2, f"{n}x64, {NAMES[raw]}")
      for n in (64, 512) for raw in ("raw_epoll", "raw_uring")]),
    ("D3", "echo with 2 workers on processors that the loader shares: a rate at least, a p99.9 at "
          "most one shared epoll set's",
     [over(f"echo_{n}x64", metric, 2, "raw_shared", 1, f"{n}x64, {word}")
      for n in (64, 512) for metric, word in (("rate", "rate"), ("p999", "p99.9"))]),
    ("R3", "HTTP, CPU a request: at most 1.15 × the raw loop's",
     [over(w, "cpu", n, "raw_epoll", 1.15, f"{w}, {n} w")
      for w in ("http_64", "http_64x16") for n in (1, 2)]),
    ("R3", "ahead of hyper, nginx and Go",
     [over(w, "cpu", n, other, 1, f"{w}, {NAMES[other]}, {n} w")
      for w in ("http_64", "http_64x16") for other in ("hyper", "nginx", "go") for n in (1, 2)]),
    ("R4", "system calls an echo: at most 0.2 at 64 connections, 0.06 at 512",
     [own("echo_64x64", "calls", 1, 0.2, "64"), own("echo_512x64", "calls", 1, 0.06, "512")]),
    ("R4", "user instructions an echo: at most 600", [own("echo_64x64", "instructions", 1, 600)]),
    ("R4b", "fairness at saturation, 512 connections: p99 at most 2.5 × p50",
     [two("echo_512x64", ("p99", 1), ("p50", 1), 2.5, "1 w")]),
    ("R4c", "HTTP, 16 at a time: at least 0.8 × the raw loop's rate",
     [over("http_64x16", "rate", 1, "raw_epoll", 0.8)]),
    ("R5", "handlers that stall: p99 at most 3 × that of one shared epoll set",
     [over("stall", "p99", 2, "raw_epoll", 3, "2 w")]),
    ("R6", "connections that come and go: CPU at most Tokio's",
     peers("churn_64", "cpu", [1, 2], ["tokio"], 1)),
    ("R6", "an idle connection of the HTTP server: at most 6 KiB",
     [own("idle_http", "memory", 1, 6)]),
    ("R7", "file reads, 32 at a time: at least 0.9 × the raw io_uring loop (time at most 1.11 ×)",
     [over("file_read", "plain", w, "limit", 1 / 0.9, f"{w} w") for w in (1, 2)]),
]


# Said of a bar of which this run missed something.
REASONS = {
    "S1": "see yield_many.",
    "S2": "an eager task ends on its creator's time and pays no locked instruction. A plain one "
          "that is awaited before it ran pays one since its creator makes way for it, and two "
          "jumps that the limit has too; what is left is the block, the queue and the count of who "
          "lives (docs/hot-path.md, 20).",
    "S3": "the bar is in ns of another day of the machine. Tasks that wait to begin have no stack "
          "since decision 0008; to prefetch the blocks of a batch was tried and costs yields more "
          "than it gives.",
    "S4": "see ping_pong.",
    "S5": "64 tasks that come back at once keep a queue before the lock for ever, since nobody "
          "passes who has waited longer: each lock is then a hand-over and a switch (see mutex).",
    "S6": "see skynet.",
    "S7": "two jumps and a fresh context are the limit, and a task is its block, its state and "
          "its result besides. libfork and oneTBB have no stack for each call, and cannot suspend "
          "in one. What brought it here is in docs/hot-path.md, 1 to 5 and 11 to 14. A lone worker "
          "leaves out what thieves would need, so a second one brings a little less than it "
          "could. A host whose processors slow each other takes from all: see what a second "
          "worker brings oneTBB in the same table.",
    "S8": "to make a sleeper is the kernel's page fault, in the limit too, and a guard; to wake "
          "one is to run on a page that has left the caches, as the limit does, then to end and "
          "to give the stack back. See memory.",
    "S9": "half of the sleepers are in time; the tail is how long a worker takes to work off what "
          "falls due within a few ms, since each lies on a stack of its own. See timers.",
    "S10": "a sleeping worker waits for sockets as well: its wake-up is a completion on its ring "
           "(docs/idle.md).",
    "S11": "see mixed.",
    "R1": "tasks that suspend cost some hundred instructions an operation, of which an echo is "
          "two, and the bare loops far fewer (docs/reactor-profile.md); the kernel's part is the "
          "larger one. At 5000 connections each task's buffer and stack have left the caches.",
    "R2": "the loader, which never sleeps, shares the two processors. Once rove has found out "
          "that its workers wait for them, one runs and the other stands aside (decision 0013). "
          "It takes some tens of milliseconds for that, and a trial may fail: then the tail is "
          "the kernel's turn of 4 ms, as the bare loops' is.",
    "D3": "see R2: which worker stands aside is found out, by a trial.",
    "R3": "the raw loop looks for empty lines and parses nothing. With one request at a time the "
          "kernel's share hides that; with sixteen it does not.",
    "R4": "an echo is two operations of a task; what was cut of them, and where the rest goes, is "
          "in docs/reactor-profile.md.",
    "R4b": "see echo.",
    "R4c": "see R3.",
    "R5": "see stall.",
    "R6": "see churn_64 and idle_http.",
    "R7": "rove asks the page cache first, one system call a read, where the limit shares one "
          "among 32.",
}


def wanted(workload, workers):
    """Whose rows of a case some bar is computed from."""
    found = set().union(*(check.wants for _, _, checks in BARS for check in checks))
    return {name for of, n, name in found if (of, n) == (workload, workers)}


def verdict(results):
    """Of (text, met) pairs."""
    known = [met for _, met in results if met is not None]
    if not known:
        return "not in this run"
    if all(known):
        return "met" if len(known) == len(results) else "met as far as measured"
    return "missed" if not any(known) else f"met in {sum(known)} of {len(known)}"


def table(rows):
    """(name, bar, [(text, met)], verdict) for each bar."""
    out = []
    for name, text, checks in BARS:
        found = [check.result(rows) for check in checks]
        out.append((name, text, found, verdict(found)))
    return out


def summary(rows):
    verdicts = [line[3] for line in table(rows) if line[3] != "not in this run"]
    met, missed = verdicts.count("met"), verdicts.count("missed")
    return (f"{met} of {len(verdicts)} are met, {len(verdicts) - met - missed} in part, "
            f"{missed} not.")


def reasons(rows):
    """(name, why) of the bars of which something was missed."""
    missed = {name for name, _, found, _ in table(rows) if any(met is False for _, met in found)}
    return [(name, text) for name, text in REASONS.items() if name in missed]
