#!/bin/bash
# A machine whose root is an export reads an error, or loses what it wrote, when the server is killed and started
# again: bootview-nbd-attach under a real kernel, in a guest, with nbdkit as the server.
#
#     root_survives_a_restart.sh PATH/TO/bootview-nbd-attach
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
hooks=$here/../../../initramfs-hooks
attach=$1

unavailable() {
    echo "skipped: $*"
    [ "${CI:-}" != true ] || { echo "FAILED: but this is CI, where it must not be skipped"; exit 1; }
    exit 77
}
for program in nbdkit qemu-system-x86_64 setpriv; do
    command -v "$program" >/dev/null || unavailable "no $program; packaging/install-dependencies test"
done
"$here/../../guest/build-guest" >/dev/null || unavailable "there is no guest, see above"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/bootview-test-XXXXXX")
server='' guest=''
finish() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    [ -z "$guest" ] || kill "$guest" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

fail() {
    echo "FAILED: $*"
    echo "-- the guest:"
    tail -n 40 "$scratch/out/console" "$scratch/out/stdout" "$scratch/out/stderr" "$scratch/out/dmesg" 2>/dev/null || true
    exit 1
}
# Until the guest's console shows it.
wait_for() {
    for _ in $(seq 1800); do
        grep -aq -- "$1" "$scratch/out/console" 2>/dev/null && return
        kill -0 "$guest" 2>/dev/null || fail "the guest ended before it said '$1'"
        sleep 0.1
    done
    fail "the guest did not say '$1' within three minutes"
}
# The same port again, on which the kernel may still have the end of an old connection.
start_server() {
    for _ in $(seq 300); do
        rm -f "$scratch/pid"
        setpriv --pdeathsig KILL nbdkit -f -i 127.0.0.1 -p "$port" -P "$scratch/pid" \
            file "$scratch/disk" </dev/null >"$scratch/nbdkit" 2>&1 &
        server=$!
        for _ in $(seq 100); do
            [ ! -s "$scratch/pid" ] || return 0
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        wait "$server" 2>/dev/null || true
        sleep 0.1
    done
    fail "nbdkit does not start: $(cat "$scratch/nbdkit")"
}

truncate -s 64M "$scratch/disk"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# In the guest: /bin/sh is busybox.
cat >"$scratch/script" <<'END'
#!/bin/sh
tell() { echo "$*" >/dev/console; }
die() { tell "guest: $*"; echo "$*" >&2; dmesg >/out/dmesg; exit 1; }
. /job/port
modprobe virtio_net
modprobe nbd
ip link set lo up
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/class/net/eth0 ] && break; usleep 200000; done
ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 || die "no network"

# The boot script's way: the server is not up yet, which is shown, and then it is.
mkdir -p /usr/sbin
cp /job/bootview-nbd-attach /usr/sbin/
. /job/nbdroot.sh
. /job/connect.sh
nbdroot_words "nbdroot=10.0.2.2:$port/disk root=/dev/nbd4p2 nbdextra=/swap nbdwait=300"
bootview_patience
nbdroot_resolve "$nbdroot_where" || die "$nbd_error"
bootview_wait_for bootview_try >/dev/console || die "gave up: $bootview_reason"
bootview_attach_extras >/out/extras
[ "$(cat /sys/block/nbd4/size) $(cat /sys/block/nbd5/size)" = "131072 131072" ] || die "not attached: $(cat /out/extras)"
for index in 4 5; do /job/bootview-nbd-attach --device /dev/nbd$index --disconnect || die "can't disconnect"; done
nbdroot_words "nbdroot=10.0.2.2:1/disk nbdwait=2"
bootview_patience
nbdroot_resolve "$nbdroot_where"
bootview_wait_for bootview_try >/out/gave-up && die "attached to nothing"

# Errors, each with its words: nobody there, a device of another kind.
/job/bootview-nbd-attach --device /dev/nbd1 --host 10.0.2.2 --port 1 --connect-timeout 20 2>/out/refused && die "connected to nothing"
/job/bootview-nbd-attach --device /dev/nbd0 --host 10.0.2.2 --port $port --timeout 3 || die "can't attach"
/job/bootview-nbd-attach --device /dev/nbd0 --host 10.0.2.2 --port $port 2>/out/busy && die "attached twice"
[ "$(cat /sys/block/nbd0/size)" = 131072 ] || die "wrong size"

# The process that keeps it: spared at shutdown, and not to be ended by mistake.
keeper=
for process in /proc/[0-9]*; do
    case $(tr '\0' ' ' <$process/cmdline 2>/dev/null) in @*"--device /dev/nbd0 "*) keeper=${process#/proc/} ;; esac
done
[ -n "$keeper" ] || die "nobody keeps the connection"
kill -TERM $keeper; kill -HUP $keeper
grep VmLck /proc/$keeper/status >/out/locked

# Writes that must reach the server, one after the other, across its death.
number=0
while [ $number -lt 24 ]; do
    dd if=/dev/urandom of=/tmp/block bs=65536 count=4 2>/dev/null
    dd if=/tmp/block of=/dev/nbd0 bs=65536 seek=$((number * 4)) count=4 conv=fsync,notrunc 2>/out/dd || die "write $number failed: $(cat /out/dd)"
    cat /tmp/block >>/tmp/all
    number=$((number + 1))
    [ $number != 10 ] || tell "guest: ten are written"
    [ $number -lt 10 ] || usleep 100000
done
echo 3 >/proc/sys/vm/drop_caches
[ "$(head -c $((number * 262144)) /dev/nbd0 | sha256sum)" = "$(sha256sum </tmp/all)" ] || die "what is read is not what was written"
sha256sum </tmp/all >/out/sum
kill -0 $keeper || die "the keeper has ended"

# While nothing is asked of it, too.
tell "guest: idle"
while ! dmesg | grep -q 'server is gone.*' || [ "$(dmesg | grep -c 'server is back')" -lt 2 ]; do usleep 100000; done
dd if=/dev/nbd0 of=/dev/null bs=4096 count=1 skip=9999 2>/out/dd || die "read failed: $(cat /out/dd)"

# And its end, which the keeper notices.
/job/bootview-nbd-attach --device /dev/nbd0 --disconnect || die "can't disconnect"
[ ! -e /sys/block/nbd0/pid ] || die "still connected"
dmesg >/out/dmesg
END
echo "port=$port" >"$scratch/port"
"$here/../../guest/run-guest" --timeout 400 --with "$attach" --with "$scratch/port" \
    --with "$hooks/nbdroot.sh" --with "$hooks/connect.sh" --network user \
    "$scratch/script" "$scratch/out" >"$scratch/guest.log" 2>&1 &
guest=$!

wait_for "trying again for"
start_server
wait_for "guest: ten are written"
kill -KILL "$server"
wait "$server" 2>/dev/null || true
sleep 2 # what the guest does meanwhile is the matter; it needs some of it
start_server
wait_for "guest: idle"
kill -KILL "$server"
wait "$server" 2>/dev/null || true
start_server

wait "$guest" || fail "the guest's script: $(cat "$scratch/guest.log" "$scratch/out/stderr")"
guest=''
sum=$(head -c $((24 * 262144)) "$scratch/disk" | sha256sum)
[ "$sum" = "$(cat "$scratch/out/sum")" ] || fail "the server's image is not what the guest wrote"
grep -q 'Connection refused' "$scratch/out/refused" || fail "of a closed port it says: $(cat "$scratch/out/refused")"
grep -q 'in use already' "$scratch/out/busy" || fail "of a device in use it says: $(cat "$scratch/out/busy")"
grep -q "/dev/nbd5 is 'swap' of 10.0.2.2 port $port" "$scratch/out/extras" || fail "of nbdextra= it says: $(cat "$scratch/out/extras")"
grep -q 'trying again for [12] s' "$scratch/out/gave-up" || fail "no countdown: $(cat "$scratch/out/gave-up")"
grep -q 'VmLck:.* [1-9][0-9]* kB' "$scratch/out/locked" || fail "its memory is not locked: $(cat "$scratch/out/locked")"
! grep -i 'I/O error' "$scratch/out/dmesg" || fail "the guest saw an I/O error"
grep -a 'bootview-nbd-attach' "$scratch/out/dmesg"
