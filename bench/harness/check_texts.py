#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the primitives' instructions are a slope, that a missing valgrind is said and leaves
the column out, and that bench/readme writes what the page has: both figures, one, or nothing where
the page has no such workload. valgrind and the program are ours here."""
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import types

sys.dont_write_bytecode = True
BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, BENCH)
from harness import primitives, tables  # noqa: E402
from harness.cases import Progress  # noqa: E402
from harness.workloads import Workload  # noqa: E402

FIXED, EACH = 70000, 66  # instructions of a run, and of the first's round; the next's are twice
PROGRAM = """#!/bin/sh
case "$*" in
*KIND=0*) echo "mutex_lock_unlock ns/round 4" ;;
*KIND=1*) echo "pair_yield ns/round 25" ;;
*) echo "mutex_lock_unlock ns/round 4"; echo "pair_yield ns/round 25" ;;
esac
"""
VALGRIND = f"""#!/bin/sh
for word; do
    case $word in KIND=*) kind=${{word#KIND=}} ;; ROUNDS=*) n=${{word#ROUNDS=}} ;; esac
done
echo "==1== I   refs:      $(({FIXED} + {EACH} * (kind + 1) * n * 11 / 10))" >&2
"""
PAGE = """Measured on a machine, on 2026-11-23 03:53:29 +0000, by:

## primitives

| | cost, ns/round, 1 w | instructions, 1/round, 1 w |
|---|---:|---:|
| mutex_lock_unlock | 4 | 66 |
"""
TEXT = "of {date}: {counted}ns: {cost mutex_lock_unlock}; {cost pair_yield}"


def want(is_right, what):
    if not is_right:
        sys.exit(f"wrong: {what}")


def write_program(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)


def rows_of(program, skipped):
    options = types.SimpleNamespace(reps=1, smoke=False, known={}, build="", skipped=skipped)
    case = primitives.PrimitivesCase(Workload("primitives"), 1, {"rove": [program]}, options)
    case.needs_line = False
    case.measure("rove")
    case.count_all(program, Progress(1, 1))
    return case.rows()


def check_counts(folder):
    program, path = os.path.join(folder, "rove"), os.environ["PATH"]
    write_program(program, PROGRAM)
    said = []
    primitives.shutil = types.SimpleNamespace(which=lambda name: None)
    rows = rows_of(program, lambda what, why: said.append(f"{what}: {why}"))
    want(len(rows) == 2 and {r["metric"] for r in rows} == {"cost"}, f"no valgrind: {rows}")
    want(len(said) == 1 and "no valgrind" in said[0], f"it is said that there is none: {said}")
    want(tables.lacks_instructions("primitives", tables.columns(rows)), "the section says so")
    write_program(os.path.join(folder, "valgrind"), VALGRIND)
    os.environ["PATH"] = f"{folder}:{path}"
    primitives.shutil = types.SimpleNamespace(which=lambda name: name)
    found = {(r["implementation"], r["metric"]): round(r["median"], 3)
             for r in rows_of(program, said.append)}
    want(found == {("mutex_lock_unlock", "cost"): 4, ("pair_yield", "cost"): 25,
                   ("mutex_lock_unlock", "instructions"): EACH,
                   ("pair_yield", "instructions"): 2 * EACH}, f"costs and slopes: {found}")


def check_texts():
    loader = importlib.machinery.SourceFileLoader("readme", os.path.join(BENCH, "readme"))
    readme = importlib.util.module_from_spec(importlib.util.spec_from_loader("readme", loader))
    loader.exec_module(readme)
    both = readme.Run(PAGE).made(TEXT)
    want(both == "of 2026-11-23: instructions, and ns: 66, 4 ns; – ns", both)
    bare = PAGE.replace(", instructions, 1/round, 1 w", "").replace(" instructions, 1/round, 1 w |",
                                                                    "").replace(" 66 |", "")
    alone = readme.Run(bare).made(TEXT)
    want(alone == "of 2026-11-23: ns: 4 ns; – ns", alone)
    disturbed = readme.Run(PAGE.replace("| 4 |", "| 4† |")).made(TEXT)
    want(disturbed.endswith(readme.DISTURBED), disturbed)
    other = readme.Run(PAGE.replace("## primitives", "## fib")).made(TEXT)
    want(other is None, f"nothing of it in the run: {other}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_counts(folder)
    check_texts()
    print("pages have the run's figures")


if __name__ == "__main__":
    main()
