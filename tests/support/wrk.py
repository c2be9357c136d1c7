# SPDX-License-Identifier: MIT
"""Runs wrk with one of our lua scripts and reads its RESULT line."""
import os
import re
import subprocess


class WrkError(Exception):
    pass


def run(script, port, seconds, connections, threads=2, pipeline=1, checked=False):
    """Numbers by name; latencies in microseconds. Errors and wrong answers are not hidden: see
    `complaint`. checked: the script compares each answer's text."""
    command = ["wrk", "-t", str(min(threads, connections)), "-c", str(connections),
               "-d", f"{seconds}s", "-s", script, f"http://127.0.0.1:{port}/"]
    environment = dict(os.environ, HTTP_PIPELINE=str(pipeline),
                       HTTP_CHECK=str(int(checked)))
    done = subprocess.run(command, env=environment, capture_output=True, text=True,
                          timeout=seconds + 30)
    line = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not line:
        raise WrkError(f"wrk failed: {done.stdout} {done.stderr}")
    return {name: float(value) for name, value in
            (field.split("=") for field in line.group(1).split())}


def complaint(result, connections=0, answer_bytes=0):
    """None, or what was wrong with the answers. Answers of one size must add up to what was
    received, but for the one a connection may have been in when time was up."""
    if result["errors"] or result["wrong"] or not result["requests"]:
        return (f"{result['errors']:.0f} errors, {result['wrong']:.0f} wrong answers of "
                f"{result['requests']:.0f}")
    off = abs(result.get("bytes", 0) - result["requests"] * answer_bytes)
    if answer_bytes and off > connections * answer_bytes:
        return f"answers of {answer_bytes} bytes do not add up: {off:.0f} bytes off"
    return None
