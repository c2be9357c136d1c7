# SPDX-License-Identifier: MIT
"""Build each implementation; a peer whose toolchain is missing says so, or is installed."""
import os
import re
import shutil
import subprocess
import sys

from harness.machine import command_output
from harness.workloads import BENCH, SOURCES

ROOT = os.path.dirname(BENCH)
CRATES = "/usr/share/cargo/registry"  # where Debian's librust-*-dev packages put sources
CRATE_LINES = {
    "tokio": 'tokio = { version = "1", features = ["rt-multi-thread", "sync", "time", "net", '
             '"io-util", "macros"] }',
    "rayon": 'rayon = "1"'}
PACKAGES = {"go": ["golang-go"], "tokio": ["cargo", "librust-tokio-dev", "librust-tokio+full-dev"],
            "rayon": ["cargo", "librust-rayon-dev"],
            "fiber": ["g++", "libboost-fiber-dev"], "asyncio": ["python3"]}
FLAGS = {"rove": "gcc -O2 -g with the library's release flags", "limit": "the same",
         "go": "go build", "tokio": "cargo build --release, lto, one codegen unit",
         "rayon": "the same",
         "fiber": "g++ -O2", "asyncio": "-"}


def crate_version(name):
    """The newest that Debian's packages unpacked, or None."""
    folders = os.listdir(CRATES) if os.path.isdir(CRATES) else []
    found = [f for f in folders if re.fullmatch(re.escape(name) + r"-\d[\d.]*", f)]
    return max(found, default=None)


def has_crate(name):
    return crate_version(name) is not None


class Missing(Exception):
    """The toolchain is not here, or the peer cannot be built; str() is the line to print."""


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise Missing(f"{' '.join(command[:3])} failed: {done.stdout.strip()[-400:]}")
    return done.stdout


def install(names):
    wanted = [package for name in names for package in PACKAGES.get(name, [])]
    print("installing", " ".join(wanted), file=sys.stderr)
    subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *wanted], check=True,
                   stdout=sys.stderr)


def build_own(build, workloads):
    if not os.path.exists(os.path.join(build, "build.ninja")):
        run("cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
            "-DROVE_BUILD_TESTS=OFF", "-DROVE_BUILD_EXAMPLES=OFF")
    targets = [f"bench_{w.name}_{i}" for w in workloads for i in ("rove", "limit")
               if i in w.implementations()]
    run("cmake", "--build", build, "-j2", "--target", "bench_line", *targets)


def build_go(folder, workload):
    if not shutil.which("go"):
        raise Missing("no go (Debian: golang-go)")
    out = os.path.join(folder, "go", workload.name)
    os.makedirs(out, exist_ok=True)  # go build wants all files of a program in one folder
    shutil.copy(os.path.join(BENCH, "harness", "bench.go"), out)
    shutil.copy(os.path.join(workload.folder, "go.go"), out)
    run("go", "build", "-o", "program", "bench.go", "go.go", cwd=out,
        env={**os.environ, "GO111MODULE": "off"})
    return [os.path.join(out, "program")]


def lay_out_crate(out, workload, runtime):
    """A package with a program for each workload; its siblings are the modules it may name."""
    harness = os.path.join(BENCH, "harness")
    program = os.path.join(out, "src", "bin", workload.name)
    os.makedirs(program, exist_ok=True)
    os.makedirs(os.path.join(out, ".cargo"), exist_ok=True)
    for file in os.listdir(workload.folder):
        if file.endswith(".rs") and file not in SOURCES.values():
            shutil.copy(os.path.join(workload.folder, file), program)
    shutil.copy(os.path.join(workload.folder, SOURCES[runtime]), os.path.join(program, "main.rs"))
    shutil.copy(os.path.join(harness, "bench.rs"), os.path.join(out, "src", "lib.rs"))
    with open(os.path.join(harness, "Cargo.toml")) as f:
        manifest = f.read()
    with open(os.path.join(out, "Cargo.toml"), "w") as f:
        f.write(manifest.replace("@RUNTIME@", runtime).replace("@CRATES@", CRATE_LINES[runtime]))
    with open(os.path.join(out, ".cargo", "config.toml"), "w") as f:
        f.write('[source.crates-io]\nreplace-with = "system"\n'
                f'[source.system]\ndirectory = "{CRATES}"\n')


def build_rust(folder, workload, runtime):
    if not shutil.which("cargo"):
        raise Missing("no cargo (Debian: cargo)")
    if not has_crate(runtime):
        raise Missing(f"no crate {runtime} in {CRATES} (Debian: librust-{runtime}-dev)")
    out = os.path.join(folder, runtime)
    lay_out_crate(out, workload, runtime)
    run("cargo", "build", "--release", "--offline", "-j2", "--bin", workload.name, cwd=out)
    return [os.path.join(out, "target", "release", workload.name)]


def build_tokio(folder, workload):
    return build_rust(folder, workload, "tokio")


def build_rayon(folder, workload):
    return build_rust(folder, workload, "rayon")


def build_fiber(folder, workload):
    if not os.path.isdir("/usr/include/boost/fiber"):
        raise Missing("no Boost.Fiber (Debian: libboost-fiber-dev)")
    os.makedirs(os.path.join(folder, "fiber"), exist_ok=True)
    out = os.path.join(folder, "fiber", workload.name)
    run("g++", "-std=c++17", "-O2", "-iquote", BENCH, "-o", out,
        os.path.join(workload.folder, "fiber.cpp"), "-lboost_fiber", "-lboost_context", "-lpthread")
    return [out]


def build_asyncio(folder, workload):
    del folder
    return [sys.executable, os.path.join(workload.folder, SOURCES["asyncio"])]


BUILDERS = {"go": build_go, "tokio": build_tokio, "rayon": build_rayon,
            "fiber": build_fiber, "asyncio": build_asyncio}


def command_for(name, workload, build, folder):
    if name in ("rove", "limit"):
        return [os.path.join(build, "bench", workload.name, name)]
    return BUILDERS[name](folder, workload)


def boost_version():
    try:
        with open("/usr/include/boost/version.hpp") as f:
            for line in f:
                if line.startswith("#define BOOST_LIB_VERSION"):
                    return "Boost " + line.split('"')[1].replace("_", ".")
    except OSError:
        pass
    return None


def versions():
    tokio = crate_version("tokio")
    return {"rove": command_output("git", "-C", ROOT, "describe", "--always", "--dirty"),
            "limit": command_output("gcc", "--version"), "go": command_output("go", "version"),
            "tokio": f"{tokio}, {command_output('cargo', '--version')}" if tokio else None,
            "rayon": crate_version("rayon"), "fiber": boost_version(),
            "asyncio": "Python " + sys.version.split()[0]}
