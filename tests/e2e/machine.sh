# A diskless PC, its network and its boot server, for the scripts beside this one. Sourced.
#
# The network is that of tests/integration/dhcp: a switch, a router with a DHCP server that knows nothing of any of
# this, and "boot", where the boot server runs. The PC is a virtual machine on the switch, without a disk.
#
#     make_place [KIND]         the network, and the image with the kernels of it: $image, $old, $new
#     start_server COMMAND...   in "boot"; ready when `ready` is in its output
#     power_on                  the PC
#     guest [SECONDS]           runs the script from standard input there, prints what it prints
#     booted SECONDS            waits until it has booted
#     rebooted SECONDS          reboots it, and waits
#     switched_off SECONDS      switches it off, and waits
#     type_on_console PROMPT    answers what the guest asks on its first serial port
#
# Everything is taken away at the end. Where something it needs is missing a test is skipped, but not in CI.
source "$(dirname "${BASH_SOURCE[0]}")/../integration/dhcp/network.sh"
e2e=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${BUILD:=$e2e/../../build/release}"

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

# find_image [KIND]: of build-image, or a form of build-disk. Where it came from is in $made.
find_image() {
    local builder=build-image
    case ${1:-debian} in lvm | luks | btrfs | xfs) builder=build-disk ;; esac
    made=$("$e2e/$builder" "$BUILD/initramfs-hooks/nbd-attach/bootview-nbd-attach" "${1:-debian}") || { echo "skipped: there is no image, see above"; exit 77; }
    image=$scratch/disk.img
    cp --reflink=auto --sparse=always "$made/disk.img" "$image"
    old=$(cat "$made/old") new=$(cat "$made/new")
}

# make_place [KIND [DHCP-SERVER-OPTION...]]
make_place() {
    find_image "${1:-}"
    # As for the devices in its fstab: 90 s are not enough for an emulated processor on a busy machine.
    add_kernel_word systemd.default_timeout_start_sec=900
    make_network
    plug_virtual_machine tap0
    start_dhcp_server router "${@:2}"
    advertise_routes
    # So that servers on one machine don't meet there.
    export XDG_RUNTIME_DIR=$scratch/runtime
    mkdir -m 700 "$XDG_RUNTIME_DIR"
}

# edit_pxelinux SED-EXPRESSION...: its configuration; before the server starts.
edit_pxelinux() {
    local expression
    MTOOLS_SKIP_CHECK=1 mcopy -n -o -i "$image@@1M" ::pxelinux.cfg/default "$scratch/pxelinux.cfg"
    for expression; do sed -i "$expression" "$scratch/pxelinux.cfg"; done
    MTOOLS_SKIP_CHECK=1 mcopy -o -i "$image@@1M" "$scratch/pxelinux.cfg" ::pxelinux.cfg/default
}
# add_kernel_word WORD: to the command line.
add_kernel_word() { edit_pxelinux "s|^ *APPEND.*|& $1|"; }

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

proxy=(--dhcp-proxy --adopt) # empty: the DHCP server tells the machine itself
bootview_serve() {
    mkdir -p "$scratch/boot"
    start_server "$BUILD/bootview/bootview" serve ${proxy[@]+"${proxy[@]}"} --mount "$scratch/boot" "$image"
}

# served_from_loop_device: the export is a block device.
served_from_loop_device() {
    local device
    device=$(losetup --find --show "$image" 2>/dev/null) || { echo "skipped: no loop device"; exit 77; }
    cleanup "losetup --detach $device"
    mkdir -p "$scratch/boot"
    start_server "$BUILD/bootview/bootview" serve --dhcp-proxy --adopt --mount "$scratch/boot" "$device"
}

# extracted_files: what is used without bootview. nbdkit's own file plugin, and dnsmasq with a copy of the boot files.
extracted_files() {
    mkdir "$scratch/copy"
    MTOOLS_SKIP_CHECK=1 mcopy -Q -s -n -i "$image@@1M" '::*' "$scratch/copy/"
    chmod -R a+rX "$scratch" # dnsmasq wants to be sure that everybody may
    cat >"$scratch/copy-server" <<'SERVER'
#!/bin/bash
nbdkit -f -p 10809 file "$1" &
# On SIGTERM nbdkit waits for its clients.
trap 'kill -KILL $(jobs -p)' EXIT
trap exit TERM
dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root --pid-file= --interface=eth0 --bind-interfaces \
    --dhcp-range=10.77.0.0,proxy --enable-tftp --tftp-root="$2" --pxe-service='x86PC,Debian,pxelinux' --log-facility=- &
until ss -Hltn 'sport = :10809' | grep -q . && ss -Hlun 'sport = :69' | grep -q .; do sleep 0.1; done
echo ready
wait
SERVER
    start_server bash "$scratch/copy-server" "$image" "$scratch/copy"
}

# shellcheck disable=SC2120 # none are passed by most
# power_on [QEMU-ARGUMENT...]: with a BIOS; with $FIRMWARE=uefi, an UEFI firmware's own PXE.
power_on() {
    local board=(-machine "pc,graphics=off") card=virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,bootindex=0
    if [ "${FIRMWARE:-bios}" = uefi ]; then
        cp /usr/share/OVMF/OVMF_VARS_4M.fd "$scratch/vars.fd"
        board=(-machine "q35,graphics=off" -device virtio-rng-pci
            -drive "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"
            -drive "if=pflash,format=raw,unit=1,file=$scratch/vars.fd")
        card+=,romfile=
    fi
    rm -f "$scratch/agent" "$scratch/keyboard"
    # Ends with this script, however that ends. One processor: two are not quicker on a busy machine, and use more.
    # A reboot ends it, see rebooted().
    ip netns exec "$net-switch" setpriv --pdeathsig TERM qemu-system-x86_64 -nodefaults -no-user-config -display none \
        "${board[@]}" -accel tcg -cpu max -smp 1 -m "${memory:-512}" -no-reboot \
        -netdev tap,id=net,ifname=tap0,script=no,downscript=no \
        -device "$card" \
        -chardev "socket,id=console,path=$scratch/keyboard,server=on,wait=off,logfile=$scratch/console,logappend=on" -serial chardev:console \
        -chardev "socket,id=agent,path=$scratch/agent,server=on,wait=off" -serial chardev:agent \
        "$@" </dev/null >"$scratch/qemu.log" 2>&1 &
    machine=$!
    cleanup "kill $machine && wait $machine"
    wait_until test -S "$scratch/agent"
}

# off SECONDS: waits until the machine has switched itself off. For how long is in $took.
off() {
    local began=$SECONDS end=$((SECONDS + $1))
    while kill -0 "$machine" 2>/dev/null; do
        [ "$SECONDS" -lt "$end" ] || { say_why >&2; fail "the guest has not ended within $1 s"; }
        sleep 0.2
    done
    wait "$machine" || fail "QEMU: $(cat "$scratch/qemu.log")"
    took=$((SECONDS - began))
}

# switched_off SECONDS: the guest's own `poweroff`.
switched_off() {
    # Its answer may get lost on the way out.
    guest <<<'(sleep 1; systemctl --no-block poweroff) >/dev/null 2>&1 &' || true
    off "$1"
}

# rebooted SECONDS: the guest's own `reboot`. Its end is that of the virtual machine, and the next one starts as after
# a power failure: for an emulator the first minute after a warm start is slow.
rebooted() {
    # Its answer may get lost on the way out.
    guest <<<'(sleep 1; systemctl --no-block reboot) >/dev/null 2>&1 &' || true
    off "$1"
    power_on
    booted "$1"
}

# type_on_console PROMPT TEXT [COUNT]: when the guest asks for it, for the COUNTth time.
type_on_console() {
    wait_until_within 600 console_has "$1" "${3:-1}" || { say_why >&2; fail "the guest's console does not ask: $1"; }
    python3 - "$scratch/keyboard" "$2" <<'PYTHON'
import socket, sys
keyboard = socket.socket(socket.AF_UNIX)
keyboard.connect(sys.argv[1])
keyboard.sendall(sys.argv[2].encode() + b"\n")
# Until the guest has taken it.
keyboard.settimeout(2)
try:
    while keyboard.recv(4096):
        pass
except TimeoutError:
    pass
PYTHON
}
console_has() { [ "$(grep -acF -- "$1" "$scratch/console")" -ge "$2" ]; }
# wait_until_within SECONDS COMMAND...
wait_until_within() {
    local end=$((SECONDS + $1))
    until "${@:2}"; do
        [ "$SECONDS" -lt "$end" ] && kill -0 "$machine" 2>/dev/null || return 1
        sleep 0.2
    done
}

say_why() {
    echo "--- the guest's console:"
    sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' "$scratch/console" | tr -cd '[:print:]\n' | tail -n 40
    echo "--- QEMU:" && cat "$scratch/qemu.log"
    echo "--- the server:" && tail -n 40 "$scratch/server.log"
}

# guest [SECONDS [--again]]: see guest-run.
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

errors_of_a_disk='I/O error|EXT4-fs error|BTRFS (error|critical)|XFS .*([Cc]orruption|error|shutdown)|JBD2: .*rror'
expect_no_errors() {
    ! grep -aE "$errors_of_a_disk" "$scratch/console" || fail "the guest has seen errors"
}

# expect_clean_root: after the guest has switched itself off; no error on its console, none on its root.
expect_clean_root() {
    expect_no_errors
    root_partition "$scratch/root.ext4"
    e2fsck -fn "$scratch/root.ext4" >"$scratch/fsck" 2>&1 || fail "the root is not clean: $(cat "$scratch/fsck")"
}

# root_partition FILE: a copy of the second partition.
root_partition() {
    local start size
    read -r start size < <(sfdisk --json "$image" | python3 -c '
import json, sys
partition = json.load(sys.stdin)["partitiontable"]["partitions"][1]
print(partition["start"], partition["size"])')
    dd if="$image" of="$1" bs=1M iflag=skip_bytes,count_bytes skip=$((start * 512)) count=$((size * 512)) conv=sparse status=none
}
