# SPDX-License-Identifier: MIT
"""Bars a metric, as SVG written by hand: nothing to install, legible on light and dark. A PNG of
each is made beside it where rsvg-convert is installed."""
import os
import shutil
import subprocess
import sys
from html import escape

from harness import tables
from harness.results import number
from harness.words import NAMES

COLOURS = {"rove": "#d9480f", "rove_epoll": "#f08c4a", "limit": "#868e96",
           "raw_epoll": "#868e96", "raw_uring": "#adb5bd", "raw_own": "#adb5bd",
           "raw_shared": "#adb5bd", "go": "#1098ad",
           "tokio": "#7048e8", "rayon": "#9775fa", "hyper": "#7048e8", "fiber": "#2f9e44",
           "tbb": "#1c7ed6", "libuv": "#a1662f", "node": "#66a80f", "nginx": "#0ca678",
           "asyncio": "#e8a100", "uvloop": "#c2255c"}
LABEL, WIDTH, BAR, GAP, NUMBER = 190, 420, 16, 6, 80
CUT = 8  # a bar is cut at as many times rove's length, so that the others can be told apart
STYLE = """<style>
.chart text { font: 12px system-ui, sans-serif; fill: #212529; }
.chart .title { font-weight: 600; font-size: 14px; }
.chart .range { stroke: #343a40; stroke-opacity: 0.7; }
.chart .cut { stroke: #fff; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
.chart text { fill: #e9ecef; } .chart .range { stroke: #f1f3f5; } .chart .cut { stroke: #16181b; }
}
</style>"""


def longest(bars):
    top = max(row["max"] for _, _, row in bars) or 1
    rove = max((row["max"] for _, name, row in bars if name == "rove"), default=0)
    return min(top, CUT * rove) if rove > 0 else top


def draw_bar(y, label, implementation, row, top):
    scale, middle = WIDTH / top, y + BAR / 2
    is_cut = row["median"] > top
    length = WIDTH if is_cut else max(1, row["median"] * scale)
    out = [f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(label)}</text>',
           f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2" '
           f'fill="{COLOURS.get(implementation, "#495057")}"/>']
    end = LABEL + WIDTH
    if is_cut:
        cut = LABEL + WIDTH * 0.94
        out.append(f'<path d="M{cut:.1f} {y + BAR + 3}l8 -{BAR + 6}M{cut + 6:.1f} {y + BAR + 3}'
                   f'l8 -{BAR + 6}" class="cut"/>')
    else:
        low = LABEL + row["min"] * scale
        end = LABEL + min(WIDTH, row["max"] * scale)
        out.append(f'<path d="M{low:.1f} {middle}H{end:.1f}" class="range"/>')
    text = number(row["median"]) + "†" * bool(row["disturbed"])
    out.append(f'<text x="{max(end, LABEL + length) + 6:.1f}" y="{y + 12}">{text}</text>')
    return out


def draw(title, unit, bars):
    """bars: (label, implementation, row)."""
    height, width = 34 + len(bars) * (BAR + GAP), LABEL + WIDTH + NUMBER
    top = longest(bars)
    better = "more is better" if unit == "1/s" else "less is better"
    out = [f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}">', STYLE,
           f'<text class="title" x="0" y="16">{escape(title)}, {escape(unit)}; {better}</text>']
    for i, (label, implementation, row) in enumerate(bars):
        out += draw_bar(28 + i * (BAR + GAP), label, implementation, row, top)
    return "\n".join(out + ["</svg>", ""])


def charts(rows):
    """(workload, metric, svg): one for each metric that rove has."""
    found = {}
    for row in rows:
        found.setdefault((row["workload"], row["metric"], row["unit"]), []).append(row)
    for (workload, metric, unit), group in found.items():
        is_alone = workload in tables.ALONE
        if not is_alone and not any(row["implementation"] == "rove" for row in group):
            continue
        group.sort(key=lambda row: row["workers"])
        bars = [(NAMES.get(row["implementation"], row["implementation"])
                 + ("" if is_alone else f", {row['workers']} w"),
                 "rove" if is_alone else row["implementation"], row) for row in group]
        yield workload, metric, draw(f"{workload}: {metric}", unit, bars)


def draw_all(folder, rows, is_with_png=True):
    os.makedirs(folder, exist_ok=True)
    converter = shutil.which("rsvg-convert") if is_with_png else None
    if is_with_png and not converter:
        print("no rsvg-convert (Debian: librsvg2-bin): charts as SVG only", file=sys.stderr)
    names = []
    for workload, metric, svg in charts(rows):
        path = os.path.join(folder, f"{workload}_{metric}.svg")
        with open(path, "w") as f:
            f.write(svg)
        names.append(os.path.basename(path))
        if converter:
            subprocess.run([converter, "--background-color", "white", "--zoom", "2", "-o",
                            path[:-3] + "png", path], check=True)
    return names
