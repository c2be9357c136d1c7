# SPDX-License-Identifier: MIT
"""Rows of a run: medians, ratios, the table on the terminal, CSV and JSON."""
import csv
import json
import statistics

ANCHORS = ("limit", "raw_epoll")  # what a workload's other rows are a multiple of
LEAST_ROUNDS = 3  # that two rows share before their ratio is taken round by round
FALLBACK = {"eager": "plain"}  # a peer without eager tasks is compared by its only kind


def make_row(workload, metric, unit, implementation, workers, values, fault=None, rounds=None):
    """rounds: in which turn each value was measured."""
    return {"workload": workload, "metric": metric, "unit": unit, "implementation": implementation,
            "workers": workers, "median": statistics.median(values), "min": min(values),
            "max": max(values), "runs": len(values), "values": values, "rounds": rounds or [],
            "disturbed": fault}


def find(rows, row, implementation):
    for metric in (row["metric"], FALLBACK.get(row["metric"])):
        for other in rows:
            if (other["implementation"] == implementation and other["metric"] == metric
                    and other["workload"] == row["workload"]
                    and other["workers"] == row["workers"]):
                return other
    return None


def by_round(row, other):
    """The ratios of the rounds in which both count: a machine that is slower for a while is slower
    for both."""
    others = dict(zip(other.get("rounds", []), other["values"]))
    return [value / others[turn] for turn, value in zip(row.get("rounds", []), row["values"])
            if others.get(turn)]


def ratio(row, other):
    """row over other, or None where nothing may be said."""
    if other is None or row["disturbed"] or other["disturbed"] or other["median"] == 0:
        return None
    both = by_round(row, other)
    return statistics.median(both) if len(both) >= LEAST_ROUNDS else row["median"] / other["median"]


def number(value):
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def print_line(rows, row, others):
    spread = f"{number(row['min'])}-{number(row['max'])}"
    line = (f"{row['metric']:<14}{row['workers']:>2} {row['unit']:<14}"
            f"{number(row['median']):>9} {spread:>15}")
    for name in others:
        other = find(rows, row, name)
        value = ratio(row, other)
        line += f"{number(other['median']) if other else '-':>10}"
        line += f"{f'{value:.2f}' if value is not None else '-':>7}"
    print(line + ("  disturbed" if row["disturbed"] else ""))


def print_names(group):
    """Of a workload whose lines are no implementations."""
    for row in group:
        print(f"{row['implementation']:<28}{row['metric']:<14}{number(row['median']):>9} "
              f"{row['unit']}" + ("  disturbed" if row["disturbed"] else ""))


def print_table(rows):
    for workload in dict.fromkeys(r["workload"] for r in rows):
        group = [r for r in rows if r["workload"] == workload]
        if not any(r["implementation"] in ANCHORS or r["implementation"] == "rove" for r in group):
            print(f"\n{workload}")
            print_names(group)
            continue
        others = [i for i in dict.fromkeys(r["implementation"] for r in group) if i != "rove"]
        print(f"\n{workload:<14}{'w':>2} {'unit':<14}{'rove':>9} {'min-max':>15}"
              + "".join(f"{name:>10}{'rove/':>7}" for name in others))
        for row in group:
            if row["implementation"] == "rove":
                print_line(group, row, others)
    faults = {f"{r['workload']} {r['implementation']} w={r['workers']}": r["disturbed"]
              for r in rows if r["disturbed"]}
    if faults:
        print("\nDisturbed and not compared:")
        for name, fault in faults.items():
            print(f"  {name}: {fault}")
    print("\nrove/ is rove's value over the other's, the median of the rounds that both have: "
          "below 1,\nrove is faster, smaller or earlier; of a rate (1/s) the other way round.")


def write_csv(path, head, rows):
    """Lines that begin with # say of what machine, versions and flags the rows are."""
    names = ["workload", "metric", "unit", "implementation", "workers", "median", "min", "max",
             "runs", "disturbed"]
    with open(path, "w", newline="") as f:
        f.write(f"# {head['command']}\n")
        for part in ("machine", "versions", "flags", "skipped"):
            for name, text in head[part].items():
                f.write(f"# {part}: {name}: {text}\n" if text else "")
        writer = csv.DictWriter(f, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write_json(path, head, rows):
    with open(path, "w") as f:
        json.dump({**head, "rows": rows}, f, indent=1)
        f.write("\n")


def read_json(path):
    with open(path) as f:
        return json.load(f)
