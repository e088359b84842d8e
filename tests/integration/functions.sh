# The vocabulary of the script tests: sourced, never run. A test fails at its first command that
# does; 77 means that something it needs is not here.
set -euo pipefail

scratch=$(mktemp -d "${TMPDIR:-/tmp}/bootview-test-XXXXXX")
cleanups=()

# Runs when the test ends, however it ends; last in, first out.
cleanup() { cleanups=("$1" "${cleanups[@]}"); }
finish() {
    local status=$?
    set +e
    for command in "${cleanups[@]}"; do eval "$command" 2>/dev/null; done
    rm -rf "$scratch"
    exit "$status"
}
trap finish EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

source "$(dirname "${BASH_SOURCE[0]}")/../support/wait_until.sh"

requires() {
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "skipped: no $program"; exit 77; }
    done
}

# The sanitizer's library must come first in nbdkit, which is not built with it; and the C++ library
# with it, or it does not find the throw function of the plugin.
nbdkit_with_plugin() {
    local library
    case "$SANITIZE" in
    address*) library=libasan.so ;;
    thread) library=libtsan.so ;;
    *) nbdkit "$@" && return || return ;;
    esac
    env LD_PRELOAD="$(realpath "$(g++ -print-file-name=$library)"):$(realpath "$(g++ -print-file-name=libstdc++.so)")" \
        ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" nbdkit "$@"
}

# Root, and able to change what is mounted without anybody else noticing? Not in a plain chroot.
can_remount() {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null && return
    echo "left out, for want of a mount namespace: $1"
    return 1
}

# make_image FILE [FAT BITS]: 64 MiB; p1 a FAT of 40 MiB with two files in it, p2 nothing known.
make_image() {
    local image=$1 bits=${2:-16} cluster=4
    [ "$bits" != 32 ] || cluster=1 # or mtools takes it for a FAT16, by the number of clusters
    truncate -s 64M "$image"
    printf 'label: dos\nstart=2048, size=81920, type=c\nstart=83968, type=83\n' |
        PATH=$PATH:/sbin:/usr/sbin sfdisk -q "$image"
    PATH=$PATH:/sbin:/usr/sbin mkfs.vfat -F "$bits" -s $cluster -n BOOT --offset 2048 "$image" 40960 \
        >/dev/null 2>&1
    echo "console=tty1 root=/dev/nbd0p2" >"$scratch/cmdline.txt"
    head -c 3000000 /dev/urandom >"$scratch/kernel8.img"
    MTOOLS_SKIP_CHECK=1 mcopy -i "$image@@1M" "$scratch/cmdline.txt" "$scratch/kernel8.img" ::
}
