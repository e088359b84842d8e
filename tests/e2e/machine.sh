# A diskless PC, its network and its boot server, for the scripts beside this one. Sourced.
#
# The network is that of tests/integration/dhcp: a switch, a router with a DHCP server that knows nothing of any of
# this, and "boot", where the boot server runs. The PC is a virtual machine on the switch, without a disk.
#
#     find_image                the image, and the kernels of it: $image, $old, $new
#     start_server COMMAND...   in "boot"; ready when `ready` is in its output
#     power_on                  the PC
#     guest [SECONDS]           runs the script from standard input there, prints what it prints
#     booted SECONDS            waits until it has booted
#     rebooted SECONDS          reboots it, and waits
#
# Everything is taken away at the end. Where something it needs is missing a test is skipped, but not in CI.
source "$(dirname "${BASH_SOURCE[0]}")/../integration/dhcp/network.sh"
e2e=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

# status_of_test STATUS: what it is to end with.
status_of_test() {
    [ "$1" = 77 ] && [ "${CI:-}" = true ] || return "$1"
    echo "FAILED: but this is CI, where it must not be skipped" >&2
    return 1
}
trap 'exit 143' INT TERM HUP
trap 'status=$?; set +e; status_of_test $status; finish' EXIT

requires qemu-system-x86_64 dnsmasq curl python3
[ "$(uname -m)" = x86_64 ] || { echo "skipped: not a PC"; exit 77; }
[ -e /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }

find_image() {
    local made
    made=$("$e2e/build-image") || { echo "skipped: there is no image, see above"; exit 77; }
    image=$scratch/disk.img
    cp --reflink=auto --sparse=always "$made/disk.img" "$image"
    old=$(cat "$made/old") new=$(cat "$made/new")
}

make_place() {
    find_image
    make_network
    plug_virtual_machine tap0
    start_dhcp_server router
    advertise_routes
    # So that servers on one machine don't meet there.
    export XDG_RUNTIME_DIR=$scratch/runtime
    mkdir -m 700 "$XDG_RUNTIME_DIR"
}

start_server() {
    : >"$scratch/server.out"
    ip netns exec "$net-boot" setpriv --pdeathsig TERM "$@" >"$scratch/server.out" 2>>"$scratch/server.log" &
    server=$!
    cleanup "stop_server"
    wait_until server_is_ready_or_gone
    kill -0 "$server" || fail "the server did not start: $(cat "$scratch/server.log")"
}
server_is_ready_or_gone() { grep -q '^ready' "$scratch/server.out" || ! kill -0 "$server"; }

# stop_server [SIGNAL]
stop_server() {
    [ -n "$server" ] || return 0
    kill "-${1:-TERM}" "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

bootview_serve() { start_server "$BOOTVIEW" serve --dhcp-proxy --mount "$(mkdir -p "$scratch/boot" && echo "$scratch/boot")" "$image"; }

# power_on [QEMU-ARGUMENT...]
power_on() {
    rm -f "$scratch/agent"
    # Ends with this script, however that ends. One processor: two are not quicker on a busy machine, and use more.
    # A reboot ends it, see rebooted().
    ip netns exec "$net-switch" setpriv --pdeathsig TERM qemu-system-x86_64 -nodefaults -no-user-config -display none \
        -machine pc,graphics=off -accel tcg -cpu max -smp 1 -m 512 -no-reboot \
        -netdev tap,id=net,ifname=tap0,script=no,downscript=no \
        -device virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,bootindex=0 \
        -chardev "file,id=console,path=$scratch/console,append=on" -serial chardev:console \
        -chardev "socket,id=agent,path=$scratch/agent,server=on,wait=off" -serial chardev:agent \
        "$@" </dev/null >"$scratch/qemu.log" 2>&1 &
    machine=$!
    cleanup "kill $machine && wait $machine"
    wait_until test -S "$scratch/agent"
}

# off SECONDS: waits until the machine has switched itself off.
off() {
    local end=$((SECONDS + $1))
    while kill -0 "$machine" 2>/dev/null; do
        [ "$SECONDS" -lt "$end" ] || { say_why >&2; fail "the guest has not ended within $1 s"; }
        sleep 0.2
    done
    wait "$machine" || fail "QEMU: $(cat "$scratch/qemu.log")"
}

# rebooted SECONDS: the guest's own `reboot`. Its end is that of the virtual machine, and the next one starts as after
# a power failure: for an emulator the first minute after a warm start is slow.
rebooted() {
    guest <<<'(sleep 1; systemctl --no-block reboot) >/dev/null 2>&1 &'
    off "$1"
    power_on
    booted "$1"
}

say_why() {
    echo "--- the guest's console:"
    sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' "$scratch/console" | tr -cd '[:print:]\n' | tail -n 40
    echo "--- QEMU:" && cat "$scratch/qemu.log"
    echo "--- the server:" && tail -n 40 "$scratch/server.log"
}

guest() { "$e2e/guest-run" "$scratch/agent" "${1:-120}" "${@:2}"; }

# booted SECONDS
booted() {
    guest "$1" --again <<<true || { say_why >&2; fail "the guest has not booted within $1 s"; }
}

# fetched NAME: the checksum of what another machine gets by TFTP.
fetched() { in_ns router curl --silent --show-error --max-time 120 --tftp-blksize 1468 "tftp://10.77.0.2/$1" | sha256sum | cut -d' ' -f1; }

# cpu_seconds: what the machine has used so far, which unlike the time does not depend on what else runs here.
cpu_seconds() {
    local fields
    read -r fields <"/proc/$machine/stat"
    # shellcheck disable=SC2086
    set -- ${fields##*) }
    echo $(((${12} + ${13}) / $(getconf CLK_TCK)))
}
