#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: docs/hazards.md and docs/security.md name tests that exist.

Idea:    every row of their tables ends in a cell of tests. A `layer/test_x.c` there must be a file
         that ctest runs, a `.._name` behind it must be the end of a function in it (or in one that
         was named before in the same cell), anything else in backquotes must match a test of ctest
         or a file. Hazards 1 to 32 must each have a row; and what is named test_hNN_.. in
         tests/hazards must stand in the row of NN.
"""
import argparse
import fnmatch
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HAZARDS = range(1, 33)


def ctest_names(ctest, build):
    shown = subprocess.run([ctest, "--show-only=json-v1"], cwd=build, text=True,
                           capture_output=True, check=True).stdout
    return [test["name"] for test in json.loads(shown)["tests"]]


def rows(path):
    """(line number, cells) of every row of every table that has a column of tests."""
    in_table = False
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
        if not line.startswith("|"):
            in_table = False
        elif cells[-1] == "test":
            in_table = True
        elif in_table and not re.match(r"^[| -]*$", line):
            yield number, cells


def functions(path):
    return set(re.findall(r"\b(test_\w+)", path.read_text(encoding="utf-8")))


def check_reference(reference, names, open_files):
    """What is wrong with one `reference`, or None. open_files: those named in the cell so far."""
    if reference.startswith(".._"):
        if not any(f.endswith(reference[2:]) for p in open_files for f in functions(p)):
            return f"no function ends in {reference[2:]}"
        return None
    if reference.startswith("test_h"):
        if not any(reference in functions(p) for p in open_files):
            return f"no function {reference}"
        return None
    if re.match(r"\w+/test_\w+\.c$", reference):
        path = ROOT / "tests" / reference
        if not path.exists():
            return f"no file tests/{reference}"
        open_files.append(path)
        name = reference.replace("test_", "")[:-2]
        if not any(n == name or n.startswith(name + ".") for n in names):
            return f"ctest does not run {name}"
        return None
    if fnmatch.filter(names, reference) or fnmatch.filter(names, reference + ".*"):
        return None
    return None if (ROOT / reference).exists() else f"{reference} is neither a test nor a file"


def check_cells(path, names):
    for number, cells in rows(path):
        where = f"{path.relative_to(ROOT)}:{number}"
        open_files = []
        references = re.findall(r"`([^`]+)`", cells[-1])
        if not references:
            yield f"{where}: no test: {cells[-1]}"
        for reference in references:
            wrong = check_reference(reference, names, open_files)
            if wrong:
                yield f"{where}: {wrong}"


def check_numbers(path):
    found = {int(cells[0]): cells[-1] for _, cells in rows(path) if cells[0].isdigit()}
    for hazard in HAZARDS:
        if hazard not in found:
            yield f"{path.name}: hazard {hazard} has no row"
    for source in sorted((ROOT / "tests/hazards").glob("test_*.c")):
        for function in functions(source):
            number = re.match(r"test_h(\d\d)_", function)
            if number and source.name not in found.get(int(number.group(1)), ""):
                yield f"{source.name}: {function} does not stand in the row of its hazard"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ctest", required=True)
    parser.add_argument("--build", required=True)
    options = parser.parse_args()
    names = ctest_names(options.ctest, options.build)
    found = list(check_numbers(ROOT / "docs/hazards.md"))
    for name in ("docs/hazards.md", "docs/security.md"):
        if (ROOT / name).exists():
            found += check_cells(ROOT / name, names)
    print("\n".join(found))
    print(f"{len(names)} tests of ctest, {len(found)} found")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
