# For the scripts beside this one: a scratch directory, a sample image, a running `bootview serve`.
# Everything is taken away at the end, whatever happens.
set -euo pipefail
export LC_ALL=C

skip() { echo "SKIP: $*"; exit 77; }
die() {
    echo "FAIL: $*"
    for log in "$scratch"/*.err; do
        [[ ! -e $log ]] || { echo "--- $log" && tail -n 40 "$log"; }
    done
    exit 1
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/serve-test.XXXXXX")
chmod 755 "$scratch"
serve_pid=
clean_up() {
    local status=$?
    if [[ -n $serve_pid ]]; then
        kill -KILL "$serve_pid" 2>/dev/null || true
        sleep 0.5
    fi
    { grep -o "${scratch}[^ ]*" /proc/mounts || true; } | while read -r mount; do
        umount -l "$mount" 2>/dev/null || fusermount3 -u -z "$mount" || true
    done
    rm -rf "$scratch"
    exit "$status"
}
trap clean_up EXIT

[[ -e /dev/fuse ]] || skip "no /dev/fuse"

# Not ours, so that tests on one machine don't meet in it.
export XDG_RUNTIME_DIR=$scratch/runtime
mkdir -m 700 "$XDG_RUNTIME_DIR"

# A stock nbdkit can load a sanitized plugin only with the sanitizer's library before it; and that
# finds C++'s exceptions only if their library is there from the start too.
library() { readlink -f "$(g++ -print-file-name="$1")"; }
preload=()
case ${SANITIZE-} in
*thread*) preload=("LD_PRELOAD=$(library libtsan.so) $(library libstdc++.so)") ;;
*address*) preload=("LD_PRELOAD=$(library libasan.so) $(library libstdc++.so)" ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0") ;;
esac

make_image() { "$MAKE_SAMPLE_IMAGE" --small --seed "$1" "$2" >/dev/null; }
sum() { sha256sum | cut -d' ' -f1; }
boot_file() { mtype -i "$1@@1048576" "::$2" | sum; } # what is in the image, says mtools

# client_writes FILE NAME: a client replaces NAME on the boot partition, through NBD.
client_writes() {
    local pid
    mkdir -p "$scratch/client"
    nbdfuse "$scratch/client/nbd" "$nbd" &
    pid=$!
    wait_for 60 test -e "$scratch/client/nbd" || die "no NBD client can connect"
    mcopy -o -i "$scratch/client/nbd@@1048576" "$1" "::$2" || die "the client can't write"
    fusermount3 -u "$scratch/client"
    wait "$pid" || die "the client (nbdfuse) failed"
}

# The server's last line of start-up is there.
is_ready() { grep -q '^ready' "$scratch/serve.out" 2>/dev/null; }
printed() { sed -n "s/^$1 *//p" "$scratch/serve.out"; }

# wait_for SECONDS COMMAND...
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# start_serve ARGUMENT...: in the background, on free loopback ports; $prefix comes before it.
prefix=()
start_serve() {
    # Before it runs: what an earlier one printed must not be taken for its word.
    : >"$scratch/serve.out"
    ${prefix[@]+"${prefix[@]}"} env ${preload[@]+"${preload[@]}"} "$BOOTVIEW" serve --listen 127.0.0.1 \
        --nbd-port 0 --tftp-port 0 "$@" >"$scratch/serve.out" 2>"$scratch/serve.err" &
    serve_pid=$!
    wait_for 60 is_ready_or_gone
    is_ready || die "bootview serve did not get ready"
    nbd=$(printed NBD) tftp=$(printed TFTP) view=$(printed files)
}
is_ready_or_gone() { is_ready || ! kill -0 "$serve_pid" 2>/dev/null; }

# stop_serve: as a service manager would.
stop_serve() {
    local status=0
    kill -TERM "$serve_pid"
    wait "$serve_pid" || status=$?
    serve_pid=
    [[ $status == 0 ]] || die "serve ended with status $status after SIGTERM"
}

fetch() { curl --silent --max-time 20 --tftp-blksize 1468 "$tftp$1" | sum; }

# part NAME: the process of a part, a child of serve.
part() { pgrep -P "$serve_pid" -x "$1"; }
# What is left of a serve whose parts were PIDS.
expect_nothing_left() {
    local pid
    for pid in "$@"; do
        wait_for 60 eval "! kill -0 $pid 2>/dev/null" || die "process $pid still runs"
    done
    ! grep -q "$view" /proc/mounts || die "$view is still mounted"
}
