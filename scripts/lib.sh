# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it (bash). Purpose: one way to speak, one to get what is missing.

ROVE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
warn() { printf '!! %s\n' "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

# What is being tested: a revision, and whether that says all (not docs/proof.md, which quotes it).
tree_revision() {
    local changes
    changes=$(git -C "$ROVE_ROOT" status --porcelain -- . ':!docs/proof.md' 2>/dev/null)
    echo "$(git -C "$ROVE_ROOT" rev-parse --short HEAD 2>/dev/null || echo unknown)${changes:+ with changes}"
}

# Runs a command as root: as it is, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "needs root for: $*"
    fi
}

package_is_installed() {
    dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -q '^installed$'
}

# Asks the archive what it has, once a run.
update_lists() {
    [ -n "${lists_are_fresh:-}" ] && return 0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        warn "apt-get update failed; trying with the lists that are there"
    lists_are_fresh=yes
}

# one_is_installed "a|b"
one_is_installed() {
    local name
    for name in ${1//|/ }; do
        package_is_installed "$name" && return 0
    done
    return 1
}

# need_packages NAME...: installs those that are missing. "a|b" is satisfied by either, and the
# first that the archive knows is installed: package names differ between releases.
need_packages() {
    command -v dpkg-query >/dev/null 2>&1 || {
        warn "not a Debian system: make sure of $*"
        return 0
    }
    local wanted name chosen missing=()
    for wanted in "$@"; do
        one_is_installed "$wanted" || missing+=("$wanted")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    say "installing ${missing[*]}"
    update_lists
    local install=()
    for wanted in "${missing[@]}"; do
        chosen=""
        for name in ${wanted//|/ }; do
            if apt-cache show "$name" >/dev/null 2>&1; then
                chosen=$name
                break
            fi
        done
        [ -n "$chosen" ] || die "no package for $wanted in the archive"
        install+=("$chosen")
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${install[@]}" >/dev/null || die "could not install ${install[*]}"
}

# try_packages NAME...: installs those that are missing, one by one; what cannot be had is said, and
# keeps no other out.
try_packages() {
    local wanted
    for wanted in "$@"; do
        one_is_installed "$wanted" && continue
        update_lists
        (need_packages "$wanted")
    done
    return 0
}

# What it takes to build the library and to run its tests.
need_build_packages() {
    need_packages build-essential cmake ninja-build pkg-config python3 \
        "libboost-context1.81-dev|libboost-context-dev" liburing-dev
}

need_test_packages() {
    need_build_packages
    need_packages g++ libcmocka-dev node-llhttp relacy-dev strace curl
}

# True when this kernel and this container let a process set up a ring: with no parameters at all
# the call is refused as a bad address only after it has been allowed.
io_uring_is_allowed() {
    python3 - <<'PY'
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(425, 1, None)
sys.exit(0 if ctypes.get_errno() == errno.EFAULT else 1)
PY
}

# Ninja when it is there, else what CMake chooses. configure PRESET BUILD_DIR [ARGUMENT...]
configure() {
    local preset=$1 dir=$2
    shift 2
    local generator=()
    if [ ! -f "$dir/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then
        generator=(-G Ninja)
    fi
    (cd "$ROVE_ROOT" && cmake --preset "$preset" -B "$dir" "${generator[@]}" "$@" >"$dir.log" 2>&1) ||
        { cat "$dir.log"; return 1; }
}
