# SPDX-License-Identifier: MIT
"""The workload `primitives`: what one use of each costs, in ns and in user instructions.

Each is a row of its own, with its name where other workloads have an implementation's. It is timed
in a process of its own. Instructions are the slope between two numbers of rounds under cachegrind,
with epoll, since valgrind knows no io_uring, and without membarrier: a light fence counts as a full
one, two instructions more. They do not depend on who else uses the machine.
"""
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from harness import results
from harness.cases import ProgramCase, shown
from harness.peers import Missing

FEW, MANY = 2000, 8000
WARM_UP = 1.1  # the program does a tenth more
KINDS = 21  # about as many as there are, for the plan
COUNT_S = 1.0  # that the two runs of one take, on each processor
COUNT_TIMEOUT_S = 120


def names(program):
    """In the order of the program's KIND."""
    out = subprocess.run([program, "1", "ROUNDS=10"], check=True, capture_output=True, text=True,
                         timeout=COUNT_TIMEOUT_S).stdout
    return [line.split()[0] for line in out.splitlines()]


def executed(program, kind, rounds):
    """Instructions of a whole run."""
    done = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no",
                           "--cachegrind-out-file=/dev/null", program, "1", f"KIND={kind}",
                           f"ROUNDS={rounds}"], capture_output=True, text=True, check=False,
                          env={**os.environ, "ROVE_BACKEND": "epoll"}, timeout=COUNT_TIMEOUT_S)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode != 0 or not found:
        raise Missing(f"cachegrind counted nothing: {done.stderr.strip()[-300:]}")
    return int(found.group(1).replace(",", ""))


def instructions(program, kind):
    """Of one round."""
    more = executed(program, kind, MANY) - executed(program, kind, FEW)
    return more / (MANY - FEW) / WARM_UP


def need_valgrind():
    if not shutil.which("valgrind"):
        raise Missing("no valgrind (Debian: valgrind), which counts those of the primitives")


class PrimitivesCase(ProgramCase):
    def __init__(self, workload, workers, commands, options):
        super().__init__(workload, workers, commands, options)
        self.names, self.found = [], {}

    def command_of(self, implementation, kind):
        return [*self.command(implementation), f"KIND={kind}"]

    def command_lines(self, implementation):
        return [shown(self.command_of(implementation, kind)) for kind in range(len(self.names))]

    def measure_once(self, implementation):
        self.names = self.names or names(self.commands[implementation][0])
        found = {}
        for kind in range(len(self.names)):
            found.update(self.output_of(self.command_of(implementation, kind)))
        return found

    def run(self, progress):
        super().run(progress)
        for implementation in self.windows:
            self.count_all(self.commands[implementation][0], progress)

    def count_all(self, program, progress):
        """In a smoke run only the first, which shows that it can be done."""
        kinds = self.names[:1] if self.options.smoke else self.names
        progress.step(f"{self.key} instructions", self.expected_count())
        try:
            need_valgrind()
            with ThreadPoolExecutor(len(self.cpus)) as pool:
                found = list(pool.map(lambda kind: instructions(program, kind), range(len(kinds))))
        except (Missing, OSError, subprocess.SubprocessError) as e:
            self.options.skipped("instructions of primitives", e)
            return
        self.found = dict(zip(kinds, found))

    def expected_count(self):
        return COUNT_S * KINDS / len(self.cpus)

    def expected_total(self):
        return super().expected_total() + self.expected_count() * len(self.windows)

    def rows(self):
        timed = [{**row, "implementation": row["metric"], "metric": "cost"}
                 for row in super().rows()]
        return timed + [results.make_row(self.name, "instructions", "1/round", name, self.workers,
                                         [count]) for name, count in self.found.items()]
