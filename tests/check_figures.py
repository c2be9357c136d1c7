#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Purpose: every measured figure of README and docs is of the one run, or says of what it is.

Idea:    a line with a number and a unit of time, speed or instructions, or a row of a table whose
         head has one, must stand
         - between the marks of bench/readme, which writes it out of the run (check/readme), or
         - in a page that one command makes as a whole (MADE), or
         - where `<!-- figures: record -->` says that it is the record of a measurement: the
           paragraph around it has the date and a link to performance.md; or
         - where `<!-- figures: none measured -->` says that its numbers are limits, constants or
           examples.
         A mark before the first `## ` is of the whole page; else one of a record is of its section,
         and one of none measured of its paragraph, or of its section when it stands alone. A mark
         that excuses nothing is wrong, too. Code is skipped, fenced or in backquotes. PLANTED is
         what is seen and what is not; each run of the check begins with it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MADE = {"docs/performance.md": "Written by bench/report",
        "docs/proof.md": "Written by `tools/proof`"}
RECORD, NONE = "<!-- figures: record -->", "<!-- figures: none measured -->"
BEGIN, END = "<!-- from here: bench/readme -->", "<!-- to here -->"
NUMBER = r"(?<![\w.#/-])\d[\d,.]*"
UNIT = (r"(?:ns|µs|us|ms|s|min|minutes?|seconds?|hours?|[KMG]i?B/s|/s|%|×|x|instructions"
        r"|(?:answers |messages )?a second|times (?:as|nginx|longer|slower|faster))(?![\w-])")
FIGURE = re.compile(rf"{NUMBER} ?{UNIT}")
HEAD_UNIT = re.compile(r"(?<![\w-])(?:ns|µs|us|ms|%|instructions|calls|a second|p99|speed-up)"
                       r"(?![\w-])")
DATE = re.compile(r"\d{4}-\d\d-\d\d|\d+ (?:January|February|March|April|May|June|July|August"
                  r"|September|October|November|December) \d{4}")
LINK = re.compile(r"\]\((?:\.\./)*performance\.md")

# (page, lines at fault, counted from 1)
PLANTED = [
    ("A yield takes 18 ns.", [1]),
    ("It takes\n\n0.4 µs longer, 12.3 us or 3 % of it.", [3]),
    ("So 278,910 a second, at 1.5 ×, by 400 instructions.", [1]),
    ("| what | ns |\n|---|---|\n| yield | 18 |\n\n| what | bytes |\n|---|---|\n| task | 256 |",
     [3]),
    ("Hazard 12 of 32, HTTP/1.1, 128 KiB, C11, 64 workers, 2 x86 cores.", []),
    ("`sleep 5 ms`\n```c\nsleep(/* 5 ms */);\n```\n", []),
    (f"{BEGIN}\n18 ns\n{END}\n19 ns", [4]),
    (f"# A\n\nRecords of 2026-11-22, see [now](performance.md). {RECORD}\n\n## B\n\n18 ns", []),
    (f"# A\n\nRecords of last year, see [now](performance.md). {RECORD}\n\n18 ns", [3]),
    (f"# A\n\nRecords of 2026-11-22. {RECORD}\n\n18 ns", [3]),
    (f"# A\n\n## B\n\nOf 2026-11-22, see [now](performance.md). {RECORD}\n\n18 ns\n\n## C\n\n19 ns",
     [11]),
    (f"# A\n\n## B\n\nA step of 10 ms is long. {NONE}\n\n18 ns", [7]),
    (f"# A\n\n## B\n\n{NONE}\n\n10 ms is long.\n\n20 ms too.\n\n## C\n\n18 ns", [13]),
    (f"# A\n\nNothing here. {NONE}", [3]),
]


class Page:
    """Lines, and for each its paragraph, its section, and whether it has a figure."""

    def __init__(self, text):
        self.lines = text.split("\n")
        self.paragraphs, self.sections = [], []
        self.figures = set()  # line indexes
        self.read()

    def read(self):
        is_code = is_made = is_unit_table = False
        paragraph = section = 0
        for i, line in enumerate(self.lines):
            is_fence = line.lstrip().startswith("```")
            section += line.startswith("## ") and not is_code
            paragraph += not line.strip()
            self.paragraphs.append(paragraph)
            self.sections.append(section)
            if END in line:
                is_made = False
            if not (is_code or is_fence or is_made):
                plain = re.sub(r"`[^`]*`|<!--.*?-->|\]\([^)]*\)", " ", line)
                is_unit_table = self.is_in_unit_table(i, plain, is_unit_table)
                is_row = is_unit_table and not self.is_head(i) and re.search(NUMBER, plain)
                if FIGURE.search(plain) or is_row:
                    self.figures.add(i)
            is_made = is_made or BEGIN in line
            is_code ^= is_fence

    def is_head(self, i):
        """Of a table: the row of dashes comes next."""
        return i + 1 < len(self.lines) and re.match(r"^\|[\s:|-]+\|$", self.lines[i + 1])

    def is_in_unit_table(self, i, plain, was):
        if not plain.startswith("|"):
            return False
        return bool(HEAD_UNIT.search(plain)) if self.is_head(i) else was

    def scope(self, i, mark):
        """The lines that a mark in line i excuses."""
        if self.sections[i] == 0:
            return range(len(self.lines))
        is_alone = self.lines[i].strip() == mark
        of = self.sections if mark == RECORD or is_alone else self.paragraphs
        return [k for k in range(len(self.lines)) if of[k] == of[i]]

    def paragraph(self, i):
        return "\n".join(line for line, p in zip(self.lines, self.paragraphs)
                         if p == self.paragraphs[i])

    def faults(self):
        """(line index, what is wrong)."""
        excused = set()
        for i, line in enumerate(self.lines):
            for mark in (m for m in (RECORD, NONE) if m in line):
                if mark == RECORD and not (DATE.search(self.paragraph(i))
                                           and LINK.search(self.paragraph(i))):
                    yield i, "a record has its date and a link to performance.md beside its mark"
                covered = self.figures.intersection(self.scope(i, mark))
                excused |= covered
                if not covered:
                    yield i, "this mark excuses nothing"
        for i in sorted(self.figures - excused):
            yield i, f"of which run is this figure? {self.lines[i].strip()[:90]}"


def check_planted():
    for text, wanted in PLANTED:
        found = sorted(i + 1 for i, _ in Page(text).faults())
        if found != wanted:
            sys.exit(f"the check itself is wrong: lines {found}, not {wanted}, of\n{text}")


def main():
    check_planted()
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    wrong = figures = 0
    for path in paths:
        name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        if name in MADE:
            if MADE[name] not in text:
                print(f"{name}: does not say {MADE[name]!r}")
                wrong += 1
            continue
        page = Page(text)
        figures += len(page.figures)
        for i, what in page.faults():
            print(f"{name}:{i + 1}: {what}")
            wrong += 1
    print(f"{len(paths)} pages, {figures} lines with figures beside those of the run, {wrong} "
          f"wrong; {len(PLANTED)} planted pages were told apart")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
