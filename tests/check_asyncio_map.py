#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hold docs/asyncio-map.md against the tree.

Every rove name in it must be declared in include/, every example must exist, and every test be a
function that a test program registers; a row that offers something names a test; and every public
function whose header comment names an asyncio counterpart must be in the map.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "asyncio-map.md"


def rows(text):
    """(line number, cells) of each table row, without headings and rulers."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| ") or line.startswith("| asyncio |"):
            continue
        yield number, [cell.strip() for cell in line.strip().strip("|").split("|")]


def ticked(cell):
    return re.findall(r"`([^`]+)`", cell)


def registered_tests():
    """The names of all test functions that some program under tests/ runs."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.c"))
    return {name for text in sources for name in re.findall(r"cmocka_unit_test\((\w+)\)", text)}


def check_tests(text, tests):
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(r"`(test_\w+)`", line):
            if name not in tests:
                yield f"{number}: no test {name}"


def check_row(number, cells, headers):
    if len(cells) != 5:
        yield f"{number}: {len(cells)} cells, not 5"
        return
    for name in re.findall(r"\b(?:rove_\w+(?:\.\w+)?|ROVE_[A-Z]\w+)", " ".join(cells)):
        missing = [part for part in name.split(".") if not re.search(rf"\b{part}\b", headers)]
        if missing:
            yield f"{number}: {name} is not in include/"
    for name in ticked(cells[2]):
        if not (ROOT / "examples" / f"{name}.c").exists():
            yield f"{number}: no example {name}"
    if cells[1] != "not offered" and not re.search(r"`test_\w+`", cells[3]):
        yield f"{number}: names no test"
    if cells[1] == "not offered" and not cells[4]:
        yield f"{number}: not offered, without a reason"


def unmapped(headers, text):
    """Functions with an asyncio line in their comment that the map does not name."""
    declaration = re.compile(r"/\*\*(.*?)\*/\s*ROVE_API[^;]*?\b(rove_\w+)\(", re.S)
    for comment, name in declaration.findall(headers):
        counterpart = re.search(r"\* asyncio: (\w+)", comment)
        if counterpart and counterpart[1] not in ("none", "del", "sys", "id", "leaving"):
            if not re.search(rf"\b{name}\b", text):
                yield f"{name} ({counterpart[1]}) is not in the map"


def main():
    text = DOCUMENT.read_text(encoding="utf-8")
    files = sorted((ROOT / "include").rglob("*.h"))
    headers = "\n".join(path.read_text(encoding="utf-8") for path in files)
    problems = [p for number, cells in rows(text) for p in check_row(number, cells, headers)]
    problems += check_tests(text, registered_tests())
    problems += unmapped(headers, text)
    for problem in problems:
        print(f"docs/asyncio-map.md: {problem}")
    print(f"{len(list(rows(text)))} rows, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
