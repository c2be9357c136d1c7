#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run every numbered example on each back-end and compare what it prints, line by line.

examples/expected/<name>.txt holds the whole output. The examples run on one worker, or force
their order themselves, so there is exactly one right output; nothing is sorted or masked.
"""
import argparse
import os
import pathlib
import subprocess
import sys

HANG = 60  # seconds; only turns a hang into a failure


def run(program, backend):
    env = dict(os.environ)
    env.pop("ROVE_BACKEND", None)
    if backend != "auto":
        env["ROVE_BACKEND"] = backend
    return subprocess.run([program], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=HANG, check=False)


def problem(program, expected, backend):
    """What is wrong with one run, or None."""
    try:
        child = run(program, backend)
    except subprocess.TimeoutExpired:
        return f"still running after {HANG} s"
    except OSError as error:
        return str(error)
    if child.returncode != 0:
        text = child.stderr.decode("utf-8", "replace").strip()
        return f"exit status {child.returncode} {text}\n{child.stdout.decode('utf-8', 'replace')}"
    if child.stdout != expected:
        return (f"printed\n{child.stdout.decode('utf-8', 'replace')}"
                f"  expected\n{expected.decode('utf-8')}")
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="built examples")
    parser.add_argument("--source", type=pathlib.Path, required=True, help="examples/")
    parser.add_argument("--only", default="", help="only examples whose name contains this")
    parser.add_argument("--repeat", type=int, default=1)
    args = parser.parse_args()

    sources = sorted(args.source.glob("[0-9][0-9]_*.c"))
    texts = sorted(args.source.glob("expected/*.txt"))
    failures = 0
    if not sources or [s.stem for s in sources] != [t.stem for t in texts]:
        print("FAIL   examples and expected outputs do not match one to one")
        failures += 1
    for source, text in zip(sources, texts):
        if args.only not in source.stem:
            continue
        for backend in ("auto", "epoll") * args.repeat:
            wrong = problem(args.bin / source.stem, text.read_bytes(), backend)
            print(f"{'FAIL' if wrong else 'ok  '}   {source.stem} {backend}"
                  f"{': ' + wrong if wrong else ''}")
            failures += wrong is not None
    print(f"{len(sources)} examples, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
