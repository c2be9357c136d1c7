# SPDX-License-Identifier: MIT
"""Runs wrk with one of our lua scripts and reads its RESULT line."""
import os
import re
import subprocess


class WrkError(Exception):
    pass


def run(script, port, seconds, connections, threads=2, pipeline=1):
    """Numbers by name; latencies in microseconds. Errors and wrong answers are not hidden: see
    `complaint`."""
    command = ["wrk", "-t", str(min(threads, connections)), "-c", str(connections),
               "-d", f"{seconds}s", "-s", script, f"http://127.0.0.1:{port}/"]
    environment = dict(os.environ, HTTP_PIPELINE=str(pipeline))
    done = subprocess.run(command, env=environment, capture_output=True, text=True,
                          timeout=seconds + 30)
    line = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not line:
        raise WrkError(f"wrk failed: {done.stdout} {done.stderr}")
    return {name: float(value) for name, value in
            (field.split("=") for field in line.group(1).split())}


def complaint(result):
    """None, or what was wrong with the answers."""
    if result["errors"] or result["wrong"] or not result["requests"]:
        return (f"{result['errors']:.0f} errors, {result['wrong']:.0f} wrong answers of "
                f"{result['requests']:.0f}")
    return None
