# SPDX-License-Identifier: MIT
"""Bars a workload, as SVG written by hand: nothing to install, legible on light and dark."""
import os
from html import escape

from harness.results import number

COLOURS = {"rove": "#d9480f", "limit": "#868e96", "go": "#1098ad", "tokio": "#7048e8",
           "fiber": "#2f9e44", "asyncio": "#e8a100"}
LABEL, WIDTH, BAR, GAP = 190, 420, 18, 6
STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #212529; }
.title { font-weight: 600; font-size: 14px; }
@media (prefers-color-scheme: dark) { text { fill: #e9ecef; } }
</style>"""


def draw(title, unit, bars):
    """bars: (label, implementation, row)."""
    height = 34 + len(bars) * (BAR + GAP)
    top = max(row["max"] for _, _, row in bars) or 1
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + 90}" '
           f'height="{height}" role="img">', STYLE,
           f'<text class="title" x="0" y="16">{escape(title)}, {escape(unit)}</text>']
    for i, (label, implementation, row) in enumerate(bars):
        y = 28 + i * (BAR + GAP)
        scale = WIDTH / top
        out.append(f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>')
        out.append(f'<rect x="{LABEL}" y="{y}" width="{max(1, row["median"] * scale):.1f}" '
                   f'height="{BAR}" rx="2" fill="{COLOURS.get(implementation, "#495057")}"/>')
        low, high = LABEL + row["min"] * scale, LABEL + row["max"] * scale
        out.append(f'<path d="M{low:.1f} {y + BAR / 2}H{high:.1f}" stroke="#868e96"/>')
        text = number(row["median"]) + (" (disturbed)" if row["disturbed"] else "")
        out.append(f'<text x="{max(high, LABEL) + 6:.1f}" y="{y + 13}">{text}</text>')
    return "\n".join(out + ["</svg>", ""])


def draw_all(folder, rows):
    os.makedirs(folder, exist_ok=True)
    charts = {}
    for row in rows:
        charts.setdefault((row["workload"], row["metric"], row["unit"]), []).append(row)
    names = []
    for (workload, metric, unit), group in charts.items():
        bars = [(f"{row['implementation']}, {row['workers']} worker" + "s" * (row["workers"] > 1),
                 row["implementation"], row) for row in group]
        name = f"{workload}_{metric}.svg"
        with open(os.path.join(folder, name), "w") as f:
            f.write(draw(f"{workload}: {metric}", unit, bars))
        names.append(name)
    return names
