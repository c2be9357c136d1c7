#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: hazard 10: exceptions work inside a coroutine, and one that leaves it ends the program
           at once instead of unwinding through the scheduler.
"""
import argparse
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True, help="the static one")
    parser.add_argument("--libs", required=True, help="what it links")
    options = parser.parse_args()
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        sys.exit(77)  # no C++ here: skipped
    with tempfile.TemporaryDirectory(prefix="rove-cxx-") as scratch:
        program = pathlib.Path(scratch) / "exceptions"
        built = subprocess.run(
            [compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
             f"-I{HERE.parent.parent / 'include'}", HERE / "exceptions.cpp", "-o", program,
             options.library, *options.libs.split()], text=True, capture_output=True)
        if built.returncode != 0:
            sys.exit(built.stderr)
        inside = subprocess.run([program, "inside"], text=True, capture_output=True, timeout=60)
        if inside.returncode != 0 or inside.stdout != "0\n":
            sys.exit(f"inside: {inside}")
        out = subprocess.run([program, "out"], text=True, capture_output=True, timeout=60)
        if out.returncode != -signal.SIGABRT or "left a coroutine" not in out.stderr:
            sys.exit(f"out: {out}")
    print("caught inside, refused outside")


if __name__ == "__main__":
    main()
