# SPDX-License-Identifier: MIT
"""One self-contained page of a run: tables, charts, the exact commands; light and dark."""
import os
import re
import shutil
import subprocess
import sys
from html import escape

from harness import bars, tables
from harness.plot import charts
from harness.words import NAMES

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.css")) as css:
    STYLE = css.read()


def heading(column):
    metric, workers, unit = column
    return f"{escape(metric)}<br><small>{escape(unit)}<br>{workers} w</small>"


def table_of(rows):
    columns = tables.columns(rows)
    out = ['<div class="wide"><table><thead><tr><th></th>']
    out += [f"<th>{heading(c)}</th>" for c in columns]
    out.append("</tr></thead><tbody>")
    for implementation in tables.implementations(rows):
        kind = "rove" if implementation == "rove" else "floor" * (implementation in tables.FLOORS)
        name = NAMES.get(implementation, implementation)
        out.append(f'<tr class="{kind}"><th scope="row">{escape(name)}</th>')
        for column in columns:
            cell = tables.Cell(rows, implementation, column)
            ratio = f" <small>{cell.ratio}</small>" if cell.ratio else ""
            out.append(f'<td title="{escape(cell.spread())}">{cell.text}{ratio}</td>')
        out.append("</tr>")
    return "\n".join(out + ["</tbody></table></div>"])


def commands_of(workload, commands):
    lines = []
    for key, by_implementation in commands.items():
        if key.split(" ")[0] == workload:
            for implementation, command in by_implementation.items():
                lines.append(f"# {key}, {NAMES.get(implementation, implementation)}")
                lines += command
    if not lines:
        return ""
    text = escape("\n".join(lines))
    return f"<details><summary>Commands</summary><pre>{text}</pre></details>"


def prose(text):
    return re.sub(r"\*([^*]+)\*", r"<i>\1</i>", escape(text))


def section(workload, rows, commands, drawn, is_first):
    words = tables.words_of(workload) if is_first else {}
    out = [f'<section id="{workload}"><h2>{workload}</h2>']
    if words:
        out.append(f"<p>{prose(words['what'])}</p>")
    if drawn:
        out.append(f'<div class="wide">{drawn[0]}</div>')
    out.append(table_of(rows))
    out += [f"<p><b>{title.capitalize()}:</b> {prose(words[title])}</p>"
            for title in ("limit", "why") if title in words]
    if tables.lacks_instructions(workload, tables.columns(rows)):
        out.append("<p>Instructions were not counted: see what was left out, above.</p>")
    if len(drawn) > 1:
        more = "\n".join(f'<div class="wide">{svg}</div>' for svg in drawn[1:])
        out.append(f"<details><summary>More charts</summary>{more}</details>")
    return "\n".join(out + [commands_of(workload, commands), "</section>"])


def bars_of(rows):
    lines = []
    for name, text, found, verdict in bars.table(rows):
        figures = "; ".join(f"<b>{escape(figure)}</b>" if met is False else escape(figure)
                            for figure, met in found)
        lines.append(f'<tr><th scope="row">{name}</th><td class="text">{escape(text)}</td>'
                     f'<td class="text">{figures}</td><td class="text">{verdict}</td></tr>')
    why = "".join(f"<li>{name}: {escape(text)}</li>" for name, text in bars.reasons(rows))
    return ('<section id="bars"><h2>Bars of the design</h2><p>rove\'s figure over the other\'s '
            "where another is named, else rove\'s own. <b>Bold</b> is missed. "
            f'{bars.summary(rows)}</p><div class="wide"><table><tbody>' + "\n".join(lines)
            + "</tbody></table></div><p>Why, where something was missed:</p>"
            f"<ul>{why}</ul></section>")


def head_of(runs):
    first = runs[0]["machine"]
    commands = "\n".join(run["command"] for run in runs)
    versions = "".join(f"<tr><th>{escape(NAMES.get(name, name))}</th><td>{escape(text)}</td>"
                       f"<td>{escape(runs[0]['flags'].get(name, ''))}</td></tr>"
                       for name, text in runs[0]["versions"].items() if text)
    return (f"<p>{escape(first['cpu'])}, {first['cpus']} processors, {first['memory_mib']} MiB, "
            f"Linux {escape(first['kernel'])}, {escape(first['libc'])}, {escape(first['date'])}."
            f"</p><pre>{escape(commands)}</pre>"
            "<p>Each figure is the median of runs taken in turn with the others'; the small one "
            "beside it is rove's over it, the median of the rounds that both have: below 1, rove "
            "is faster, smaller or earlier (of a rate, 1/s, it is the other way round). † was "
            f"disturbed by other load and is not compared.{escape(tables.counted_by(runs))} "
            "A bar that is cut is longer than eight times rove's. Grey: what the machine can do "
            "when nothing is scheduled.</p>"
            f"<details><summary>Versions and flags</summary><table>{versions}</table>"
            + "".join(f"<p>Left out: {escape(line)}.</p>" for line in tables.left_out(runs))
            + "</details>")


def photograph(path, folder):
    """The head of the page as a browser shows it, light and dark."""
    browser = shutil.which("chromium")
    if not browser:
        print("no chromium (Debian: chromium): the page is not photographed", file=sys.stderr)
        return
    os.makedirs(folder, exist_ok=True)
    for name, scheme in (("light", 1), ("dark", 0)):
        subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu",
                        "--hide-scrollbars", "--window-size=900,780",
                        f"--blink-settings=preferredColorScheme={scheme}",
                        f"--screenshot={os.path.join(os.path.abspath(folder), name)}.png",
                        "file://" + os.path.abspath(path)], check=True, timeout=120,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write(path, runs):
    rows = [row for run in runs for row in run["rows"]]
    commands = {k: v for run in runs for k, v in run.get("commands", {}).items()}
    drawn = {}
    for workload, _, svg in charts(rows):
        drawn.setdefault(workload, []).append(svg)
    groups = tables.groups(rows)
    links = " · ".join(f'<a href="#{name}">{name}</a>' for name, _ in groups)
    losses = "".join(f"<li>{escape(line)}</li>" for line in tables.losses(rows))
    first = tables.firsts([name for name, _ in groups])
    sections = "\n".join(section(name, group, commands, drawn.get(name, []), name in first)
                         for name, group in groups)
    with open(path, "w") as f:
        f.write('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
                '<meta name="viewport" content="width=device-width">\n'
                f"<title>rove: benchmarks</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
                f"<h1>rove beside its limits and its peers</h1>\n{head_of(runs)}\n"
                f"<nav>{links} · <a href=\"#bars\">bars of the design</a> · "
                f"<a href=\"#behind\">where rove is behind</a></nav>\n{sections}\n{bars_of(rows)}\n"
                '<section id="behind"><h2>Where rove is behind</h2>\n'
                f"<ul>{losses or '<li>Nowhere in this run, by more than a twentieth.</li>'}</ul>"
                "</section>\n</body></html>\n")
