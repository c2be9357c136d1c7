# SPDX-License-Identifier: MIT
"""Build each implementation; a peer whose toolchain is missing says so, or is installed.

What is built stays in <build>/peers, so that the next run finds it there.
"""
import os
import re
import shutil
import subprocess
import sys

from harness.machine import command_output
from harness.workloads import BENCH, SOURCES

ROOT = os.path.dirname(BENCH)
HARNESS = os.path.join(BENCH, "harness")
CRATES = "/usr/share/cargo/registry"  # where Debian's librust-*-dev packages put sources
TOKIO = ('tokio = { version = "1", features = ["rt-multi-thread", "sync", "time", "net", '
         '"io-util", "macros"] }')
CRATE_LINES = {"tokio": TOKIO, "rayon": 'rayon = "1"',
               "hyper": TOKIO + '\nhyper = { version = "0.14", features = ["server", "http1", '
                                '"tcp", "runtime"] }'}
JAVA_LEAST = 21
PYTHON = "/usr/bin/python3"  # python3-uvloop is for this one; asyncio gets the same
PACKAGES = {"go": ["golang-go"], "rayon": ["cargo", "librust-rayon-dev"],
            "tokio": ["cargo", "librust-tokio-dev"],
            "hyper": ["cargo", "librust-hyper-dev", "librust-tokio-dev"],
            "fiber": ["g++", "libboost-fiber1.81-dev|libboost-fiber-dev"],
            "tbb": ["g++", "libtbb-dev"], "libuv": ["libuv1-dev"],
            "java": ["openjdk-21-jdk-headless"], "node": ["nodejs"], "nginx": ["nginx-light"],
            "asyncio": ["python3"], "uvloop": ["python3-uvloop"],
            "plots": ["librsvg2-bin"], "instructions": ["valgrind"]}
FLAGS = {"rove": "gcc -O2 -g with the library's release flags", "limit": "the same",
         "go": "go build", "tokio": "cargo build --release, lto, one codegen unit",
         "rayon": "as Tokio", "hyper": "as Tokio", "fiber": "g++ -O2", "tbb": "g++ -O2",
         "libuv": "gcc -O2", "java": "javac, the JVM's defaults",
         "nginx": "Debian's, bench/http/nginx.conf"}


class Missing(Exception):
    """The toolchain is not here, or the peer cannot be built; str() is the line to print."""


def crate_version(name):
    """The newest that Debian's packages unpacked, or None."""
    folders = os.listdir(CRATES) if os.path.isdir(CRATES) else []
    found = [f for f in folders if re.fullmatch(re.escape(name) + r"-\d[\d.]*", f)]
    return max(found, default=None)


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise Missing(f"{' '.join(command[:3])} failed: {done.stdout.strip()[-400:]}")
    return done.stdout


def need(program, package):
    if not shutil.which(program):
        raise Missing(f"no {program} (Debian: {package})")


def install(names):
    """What rove and its examples are built with must be there; a peer may be left out."""
    wanted = sorted({package for name in (*names, "plots", "instructions")
                     for package in PACKAGES.get(name, [])})
    done = subprocess.run(
        ["bash", "-c", '. "$0"; need_build_packages; need_packages "libllhttp-dev|node-llhttp"; '
         'try_packages "$@"', os.path.join(ROOT, "scripts", "lib.sh"), *wanted],
        stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise Missing("rove cannot be built without these packages")


def build_own(build, targets):
    run("cmake", "-S", ROOT, "-B", build, *([] if os.path.exists(build) else ["-G", "Ninja"]),
        "-DCMAKE_BUILD_TYPE=Release", "-DROVE_BUILD_TESTS=OFF", "-DROVE_BUILD_EXAMPLES=ON")
    run("cmake", "--build", build, "-j2", "--target", "bench_line", *targets)


def build_go(out, programs):
    need("go", "golang-go")
    shutil.copy(programs.source("go"), out)  # go build wants all files of a program in one folder
    files = ["go.go"]
    with open(programs.source("go")) as f:
        if "initBench()" in f.read():
            shutil.copy(os.path.join(HARNESS, "bench.go"), out)
            files.append("bench.go")
    run("go", "build", "-o", "program", *files, cwd=out, env={**os.environ, "GO111MODULE": "off"})
    return [os.path.join(out, "program")]


def write_if_changed(path, text):
    if not os.path.exists(path) or open(path).read() != text:
        with open(path, "w") as f:
            f.write(text)


def lay_out_crate(out, programs, runtime):
    """A package with a program for each workload; its siblings are the modules it may name."""
    program = os.path.join(out, "src", "bin", programs.name)
    os.makedirs(program, exist_ok=True)
    os.makedirs(os.path.join(out, ".cargo"), exist_ok=True)
    copies = {os.path.join(program, "main.rs"): programs.source(runtime),
              os.path.join(out, "src", "lib.rs"): os.path.join(HARNESS, "bench.rs")}
    for file in os.listdir(programs.folder):
        if file.endswith(".rs") and file not in SOURCES.values():
            copies[os.path.join(program, file)] = os.path.join(programs.folder, file)
    for to, source in copies.items():
        with open(source) as f:
            write_if_changed(to, f.read())
    with open(os.path.join(HARNESS, "Cargo.toml")) as f:
        manifest = f.read().replace("@CRATES@", CRATE_LINES[runtime])
    write_if_changed(os.path.join(out, "Cargo.toml"),
                     manifest.replace("@RUNTIME@", "rayon" if runtime == "rayon" else "tokio"))
    write_if_changed(os.path.join(out, ".cargo", "config.toml"),
                     '[source.crates-io]\nreplace-with = "system"\n'
                     f'[source.system]\ndirectory = "{CRATES}"\n')


def build_rust(out, programs, runtime):
    need("cargo", "cargo")
    if not crate_version(runtime):
        raise Missing(f"no crate {runtime} in {CRATES} (Debian: librust-{runtime}-dev)")
    out = os.path.join(os.path.dirname(out), "crate")  # one target folder for all its programs
    lay_out_crate(out, programs, runtime)
    run("cargo", "build", "--release", "--offline", "-j2", "--bin", programs.name, cwd=out)
    return [os.path.join(out, "target", "release", programs.name)]


def build_cpp(out, programs, name, header, package, libraries):
    if not os.path.exists(os.path.join("/usr/include", header)):
        raise Missing(f"no {header} (Debian: {package})")
    program = os.path.join(out, "program")
    run("g++", "-std=c++17", "-O2", "-iquote", BENCH, "-o", program, programs.source(name),
        *libraries, "-lpthread")
    return [program]


def build_fiber(out, programs):
    return build_cpp(out, programs, "fiber", "boost/fiber/all.hpp", "libboost-fiber-dev",
                     ["-lboost_fiber", "-lboost_context"])


def build_tbb(out, programs):
    return build_cpp(out, programs, "tbb", "tbb/task_group.h", "libtbb-dev", ["-ltbb"])


def build_libuv(out, programs):
    if not os.path.exists("/usr/include/uv.h"):
        raise Missing("no uv.h (Debian: libuv1-dev)")
    program = os.path.join(out, "program")
    run("gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-iquote", BENCH, "-o", program,
        programs.source("libuv"), os.path.join(HARNESS, "bench.c"), "-luv", "-lm")
    return [program]


def build_node(out, programs):
    del out
    need("node", "nodejs")
    return ["node", programs.source("node")]


def java_version():
    """21, or 0 without a JDK."""
    found = re.search(r"javac (\d+)", command_output("javac", "--version") or "")
    return int(found.group(1)) if found else 0


def build_java(out, programs):
    """Debian 12 has JDK 17, which lacks what would be compared."""
    if java_version() < JAVA_LEAST:
        raise Missing(f"virtual threads begin with JDK {JAVA_LEAST}, here is "
                      f"{java_version() or 'none'} (Debian: openjdk-21-jdk-headless, from 13 on)")
    run("javac", "-d", out, os.path.join(HARNESS, "Bench.java"), programs.source("java"))
    return ["java", "-cp", out, "Main"]


def python():
    return PYTHON if os.path.exists(PYTHON) else sys.executable


def build_asyncio(out, programs):
    del out
    return [python(), programs.source("asyncio")]


def build_uvloop(out, programs):
    del out
    if not command_output(python(), "-c", "import uvloop; print(uvloop.__version__)"):
        raise Missing("no uvloop (Debian: python3-uvloop)")
    return [python(), os.path.join(HARNESS, "on_uvloop.py"), programs.source("uvloop")]


BUILDERS = {"go": build_go, "fiber": build_fiber, "tbb": build_tbb, "libuv": build_libuv,
            "java": build_java, "node": build_node, "asyncio": build_asyncio,
            "uvloop": build_uvloop}


def is_fresh(program, folders):
    """Newer than all of ours that it could have been made of."""
    files = [os.path.join(folder, file) for folder in folders for file in os.listdir(folder)
             if not file.endswith((".py", ".json", ".css"))]
    return os.path.exists(program) and all(
        os.path.getmtime(file) < os.path.getmtime(program) for file in files
        if os.path.isfile(file))


def command_for(name, programs, build):
    """The peer's program, built if need be; Missing when that cannot be."""
    out = os.path.join(build, "peers", name, programs.name)
    os.makedirs(out, exist_ok=True)
    made = (os.path.join(build, "peers", name, "crate", "target", "release", programs.name)
            if name in CRATE_LINES else os.path.join(out, "program"))
    if is_fresh(made, [programs.folder, HARNESS]):
        return [made]
    if name in CRATE_LINES:
        return build_rust(out, programs, name)
    return BUILDERS[name](out, programs)


def header_version(path, macro):
    try:
        with open(os.path.join("/usr/include", path)) as f:
            found = re.search(rf"#define {macro}\s+\"?([\w.]+)", f.read())
            return found.group(1).replace("_", ".") if found else None
    except OSError:
        return None


def versions():
    uv = [header_version("uv/version.h", f"UV_VERSION_{part}")
          for part in ("MAJOR", "MINOR", "PATCH")]
    tbb = [header_version("oneapi/tbb/version.h", f"TBB_VERSION_{part}")
           for part in ("MAJOR", "MINOR")]
    boost = header_version("boost/version.hpp", "BOOST_LIB_VERSION")
    cargo = command_output("cargo", "--version")
    crates = {name: f"{crate_version(name)}, {cargo}" if crate_version(name) else None
              for name in CRATE_LINES}
    return {"rove": command_output("git", "-C", ROOT, "describe", "--always", "--dirty"),
            "limit": command_output("gcc", "--version"), "go": command_output("go", "version"),
            **crates, "fiber": f"Boost {boost}" if boost else None,
            "tbb": f"oneTBB {tbb[0]}.{tbb[1]}" if tbb[0] else None,
            "libuv": ".".join(uv) if uv[0] else None, "node": command_output("node", "--version"),
            "java": command_output("javac", "--version") if java_version() >= JAVA_LEAST else None,
            "nginx": command_output("nginx", "-v"), "asyncio": command_output(python(), "-V"),
            "uvloop": command_output(python(), "-c", "import uvloop; print(uvloop.__version__)")}
