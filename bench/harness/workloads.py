# SPDX-License-Identifier: MIT
"""The workloads: bench/<name>/config.h and one program an implementation beside it."""
import os
import re

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = ["switch", "yield_many", "spawn_join", "spawn_many", "chained_spawn", "ping_pong",
            "channel", "channel_unbuffered", "pipe", "pipe_unbuffered", "fan_in", "queue",
            "select", "mutex", "mutex_free", "skynet", "fib", "nqueens", "uts", "wake_remote",
            "memory", "timers", "mixed", "file_read", "primitives"]
SERVERS = ["echo", "http", "open_loop", "stall", "churn", "idle"]  # harness/servers.py
NAMES = PROGRAMS + SERVERS
SOURCES = {"rove": "rove.c", "limit": "limit.c", "go": "go.go", "tokio": "tokio.rs",
           "rayon": "rayon.rs", "hyper": "hyper.rs", "fiber": "fiber.cpp", "tbb": "tbb.cpp",
           "libuv": "uv.c", "java": "java.java", "node": "node.js", "asyncio": "python.py",
           "uvloop": "python.py"}
ONE_THREAD = {"libuv", "node", "asyncio", "uvloop"}  # one is all they have


class Folder:
    """A folder of programs, one for each implementation."""

    def __init__(self, name):
        self.name = name
        self.folder = os.path.join(BENCH, name)

    def source(self, implementation):
        return os.path.join(self.folder, SOURCES[implementation])

    def implementations(self):
        return [name for name in SOURCES if os.path.exists(self.source(name))]


class Workload(Folder):
    def __init__(self, name, is_smoke=False):
        super().__init__(name)
        with open(os.path.join(self.folder, "config.h")) as f:
            text = f.read()
        base = re.search(r"^#define\s+PROGRAMS_OF\s+(\w+)$", text, re.MULTILINE)
        self.base = Workload(base.group(1), is_smoke) if base else None
        found = dict(re.findall(r"^#define\s+(\w+)\s+(\d+)$", text, re.MULTILINE))
        smoke = {n[:-len("_SMOKE")]: v for n, v in found.items() if n.endswith("_SMOKE")}
        self.config = {n: int(v) for n, v in found.items() if not n.endswith("_SMOKE")}
        if is_smoke:
            self.config.update({n: int(v) for n, v in smoke.items()})
        self.needs_mib = self.config.pop("NEEDS_MIB", 0)
        self.is_for_one_worker = bool(self.config.pop("ONE_WORKER", 0))
        self.least_workers = self.config.pop("LEAST_WORKERS", 1)
        self.needs_all_cpus = bool(self.config.pop("ALL_CPUS", 0))

    def programs(self, implementation):
        """The folder of the program: another's with other numbers, unless there is one here."""
        is_here = not self.base or os.path.exists(self.source(implementation))
        return self if is_here else self.base.programs(implementation)

    def implementations(self):
        there = self.base.implementations() if self.base else []
        return [name for name in SOURCES if name in there or os.path.exists(self.source(name))]

    def arguments(self, workers, longer):
        """longer: {name: times what config.h says}."""
        return [str(workers), *(f"{n}={v * longer.get(n, 1)}" for n, v in self.config.items())]
