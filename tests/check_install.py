#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: an installed rove can be found, linked and run from outside the source tree.

Idea:    install into a scratch prefix, move the prefix (a package must not remember where it was
         built), then build tests/install/ against it by one road (find_package or pkg-config) as
         one kind (static or shared), look at what the program really links, and run it.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

OUTSIDE = pathlib.Path(__file__).resolve().parent / "install"


def run(*command, **more):
    print("+", " ".join(map(str, command)), flush=True)
    done = subprocess.run([str(c) for c in command], text=True, capture_output=True, **more)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def build_by_cmake(options, source, prefix, work):
    run(options.cmake, "-S", source, "-B", work / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={options.cc}",
        f"-DBUILD_SHARED_LIBS={'ON' if options.kind == 'shared' else 'OFF'}")
    run(options.cmake, "--build", work / "build")
    return work / "build" / "program"


def build_by_pkgconfig(options, source, prefix, work):
    found = sorted(prefix.rglob("rove.pc"))
    if len(found) != 1:
        sys.exit(f"expected one rove.pc, found {found}")
    environment = dict(os.environ, PKG_CONFIG_PATH=str(found[0].parent))
    cflags = run("pkg-config", "--cflags", "rove", env=environment).split()
    if options.kind == "static":
        libs = run("pkg-config", "--static", "--libs", "rove", env=environment).split()
        libs = ["-l:librove.a" if flag == "-lrove" else flag for flag in libs]
    else:
        libs = run("pkg-config", "--libs", "rove", env=environment).split()
    run(options.cc, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *cflags,
        source / "program.c", "-o", work / "program", *libs)
    return work / "program"


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "cc", "cmake"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--road", required=True, choices=["cmake", "pkgconfig"])
    parser.add_argument("--kind", required=True, choices=["static", "shared"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rove-install-") as scratch:
        work = pathlib.Path(scratch)
        run(options.cmake, "--install", options.build, "--prefix", work / "first")
        prefix = (work / "first").rename(work / "moved")
        source = pathlib.Path(shutil.copytree(OUTSIDE, work / "outside"))
        build = build_by_cmake if options.road == "cmake" else build_by_pkgconfig
        program = build(options, source, prefix, work)
        needed = "librove.so" in run("readelf", "-d", program)
        if needed != (options.kind == "shared"):
            sys.exit(f"asked for {options.kind}, but needs librove.so: {needed}")
        library = next(prefix.rglob("librove.so")).parent
        print(run(program, env=dict(os.environ, LD_LIBRARY_PATH=str(library))), end="")


if __name__ == "__main__":
    main()
