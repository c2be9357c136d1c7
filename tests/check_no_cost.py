#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: that the library can be model-checked and simulated costs it nothing.

Idea:    a source is compiled as the build compiles it, to assembly, and once more with another
         core/atomic.h, in which an access is C11's and has no place for a switch. The text must be
         the same. With RV_SIM it must not, or the comparison sees nothing.

         check_no_cost.py --build build/release
"""
import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ["core/deque.c", "core/runq.c", "core/park.c", "core/inbox.c", "sched/idle.c",
           "sched/mutex.c", "sched/state.c"]
POINT = "(RV_PRIM_POINT(), atomic_##access##_explicit(__VA_ARGS__))"
PLAIN = "atomic_##access##_explicit(__VA_ARGS__)"


def compile_command(build, source):
    """How the build compiles it for the static library, but for what it writes."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if entry["file"] == str(ROOT / source) and "rove_static" in entry["command"]:
            words = [w for w in shlex.split(entry["command"]) if "ccache" not in w]
            at = words.index("-o")
            return [w for w in words[:at] + words[at + 2:] if w not in ("-c", "-g")]
    sys.exit(f"{build} does not compile {source}")


def assembly(command, *more):
    done = subprocess.run([*command[:1], *more, *command[1:], "-g0", "-w", "-S", "-o", "-"],
                          text=True, capture_output=True, check=True)
    # Nor where inline assembly is from: lines that begin with "# ".
    return [line for line in done.stdout.splitlines()
            if not line.startswith("# ") and not line.lstrip().startswith(".file")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    build = parser.parse_args().build.resolve()
    header = (ROOT / "core/atomic.h").read_text(encoding="utf-8")
    if header.count(POINT) != 1:
        sys.exit(f"core/atomic.h has not one {POINT}")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "core").mkdir()
        (pathlib.Path(folder) / "core/atomic.h").write_text(header.replace(POINT, PLAIN),
                                                            encoding="utf-8")
        for source in SOURCES:
            command = compile_command(build, source)
            as_it_is = assembly(command)
            is_same = as_it_is == assembly(command, f"-I{folder}")
            is_seen = as_it_is != assembly(command, "-DRV_SIM")
            if not is_same or not is_seen:
                print(f"{source}: {'RV_SIM makes no difference' if is_same else 'other code'}")
                bad += 1
    print(f"{len(SOURCES)} sources: {bad} with another machine code than without the hooks")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
