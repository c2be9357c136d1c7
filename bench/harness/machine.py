# SPDX-License-Identifier: MIT
"""What the machine is, and whether it was left alone while something was measured."""
import mmap
import os
import platform
import re
import resource
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
FOREIGN_MAX = 0.12  # of one processor; REACTOR's bound: above it repeated runs disagree
TOUCHED_MIB = 1000  # workloads that need less are touched by their warm-up
KEPT_EVERY = 1 << 20  # bytes: half of the smallest block that Linux reports by default, since a
                      # mapping does not begin where a block does
LINE_S = 5  # for a line of 16,000 hands, which take some 2 ms: longer, and others have a processor
LEVEL_FACTOR = 2.0  # lines of one level differ by less: about 18 ns between two threads of a core,
                    # 55 to 95 within a processor, 300 across two (bench/bench/line 0 1)


def command_output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return (done.stdout or done.stderr).strip().split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return None


def describe():
    with open("/proc/cpuinfo") as f:
        found = re.search(r"model name\s*:\s*(.*)", f.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": found.group(1) if found else platform.processor(),
            "cpus": len(os.sched_getaffinity(0)), "memory_mib": memory >> 20,
            "kernel": platform.release(), "libc": " ".join(platform.libc_ver()),
            "date": time.strftime("%Y-%m-%d %H:%M:%S %z")}


def available_mib():
    with open("/proc/meminfo") as f:
        return int(re.search(r"MemAvailable:\s*(\d+)", f.read()).group(1)) >> 10


def keep_memory(mib):
    """A virtual machine gives memory that lies free in large blocks back to its host, some 2 s
    after the last program ended, and to touch a page of it anew costs ten times as much: 10 us and
    more. Whoever came first in a round, or after a pause, would pay that for all. So as much as a
    workload needs is touched once and given back to the kernel but for a page in each block: what
    is free then is too small to be reported to the host, and is what the kernel deals out first.
    The mapping that keeps those pages, 1/256 of it all, or None where there is nothing to do."""
    if mib < TOUCHED_MIB or not hasattr(mmap, "MAP_POPULATE"):
        return None
    kept = mmap.mmap(-1, min(mib, available_mib() // 2) << 20,
                     flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
    for at in range(0, len(kept), KEPT_EVERY):
        kept.madvise(mmap.MADV_DONTNEED, at + mmap.PAGESIZE, KEPT_EVERY - mmap.PAGESIZE)
    return kept


def busy_seconds():
    """All processors: user, nice, system, irq, softirq, steal."""
    with open("/proc/stat") as f:
        fields = [int(n) for n in f.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def own_seconds():
    total = 0.0
    for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def process_seconds(pid):
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0]) / 1e9


def foreign_share(busy, own, wall):
    """Of one processor, what others used. The kernel counts in ticks: two of them a processor may
    be rounding."""
    rounding = 2 * len(os.sched_getaffinity(0)) / TICKS
    return max(0.0, busy - own - rounding) / wall


class Window:
    """Around one measurement: the line's time before and after, and who else used processors."""

    def __init__(self, line, needs_line, more_own_seconds=lambda: 0.0):
        """more_own_seconds: processor time of ours that is not in a child that was waited for."""
        self.line, self.needs_line, self.more_own_seconds = line, needs_line, more_own_seconds
        self.lines, self.foreign, self.complaint, self.turn = [], 0.0, None, 0
        self.is_starved = False

    def time_line(self):
        if not self.needs_line:
            return
        try:
            self.lines.append(float(subprocess.run(self.line, check=True, capture_output=True,
                                                   text=True, timeout=LINE_S).stdout))
        except subprocess.TimeoutExpired:
            self.is_starved = True

    def __enter__(self):
        if not self.lines:
            self.time_line()
        self.begin = (time.monotonic(), busy_seconds(),
                      own_seconds() + self.more_own_seconds())
        return self

    def __exit__(self, *_):
        wall = time.monotonic() - self.begin[0]
        busy = busy_seconds() - self.begin[1]
        own = own_seconds() + self.more_own_seconds() - self.begin[2]
        self.foreign = foreign_share(busy, own, wall)
        self.time_line()

    def load_fault(self):
        """What the measurement itself or others' load say against this window, or None."""
        if self.complaint:
            return self.complaint
        if self.is_starved:
            return f"a line could not be timed in {LINE_S} s"
        if self.foreign > FOREIGN_MAX:
            return f"foreign load of {self.foreign:.0%} of a processor"
        return None

    def is_at(self, level):
        """Whether the line was as slow before and after as where windows are compared."""
        return not self.lines or not level or (
            level <= min(self.lines) and max(self.lines) <= LEVEL_FACTOR * level)

    def fault(self, level):
        """Why this window may not be compared, or None."""
        if self.load_fault() or self.is_at(level):
            return self.load_fault()
        return (f"a line took {min(self.lines):.0f} and {max(self.lines):.0f} ns, "
                f"in the windows that count {level:.0f} to {LEVEL_FACTOR * level:.0f}")
