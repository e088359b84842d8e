# What a machine lacks, and who has its ports: the doctor says so, and the line that mends it does.
# All in a mount namespace of its own, so that what is mended there is nobody else's.
if [ "${1-}" != inside ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
    exec unshare -m bash "$0" inside
fi
source "$(dirname "$0")/doctor.sh"
requires python3 nbdkit
[ "${1-}" = inside ] || { echo "skipped: no mount namespace of one's own here"; exit 77; }
[ -e /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${as_nobody[@]}" test -x "$BOOTVIEW" || { echo "skipped: other users can't run $BOOTVIEW"; exit 77; }

# A usual machine: a copy of /etc, /dev/fuse for all.
cp -a /etc "$scratch/etc"
mount --bind "$scratch/etc" /etc
ln -sf /proc/self/mounts /etc/mtab
mknod -m 666 "$scratch/fuse" c 10 229
mount --bind "$scratch/fuse" /dev/fuse
examine
has machine || fail "something is wrong with this machine: $(all_said)"
[ "$(said machine severity)" = fine ] || fail "what is fine is not: $(all_said)"

# Programs.
before=(env PATH=/nowhere)
examine
finds failure nbdkit-missing
mkdir "$scratch/old"
printf '#!/bin/sh\necho nbdkit 1.20.3\n' >"$scratch/old/nbdkit"
chmod 755 "$scratch/old/nbdkit"
before=(env "PATH=$scratch/old:$PATH")
examine
finds failure nbdkit-too-old 1.20
printf '#!/bin/sh\nexit 1\n' >"$scratch/old/nbdkit"
examine
finds failure nbdkit-broken
before=()
mkdir "$scratch/bin"
cp "$BOOTVIEW" "$scratch/bin/bootview"
touch -d '+3 days' "$scratch/bin/bootview"
(
    BOOTVIEW=$scratch/bin/bootview
    examine
    finds warning clock-implausible
    ! nbdkit bootview --dump-plugin >/dev/null 2>&1 || exit 0 # installed here
    finds failure nbdkit-plugin-missing
    finds failure program-missing
)

# FUSE.
before=("${as_nobody[@]}")
chmod 600 "$scratch/fuse"
mends failure fuse-device-denied
examine -o ro,allow_other
sed -i /user_allow_other/d /etc/fuse.conf 2>/dev/null || true
mends failure fuse-conf-user-allow-other -o ro,allow_other
rm -f /etc/mtab
mends failure mtab-missing
cp /usr/bin/fusermount3 "$scratch/fusermount3"
chmod 755 "$scratch/fusermount3"
mount --bind "$scratch/fusermount3" /usr/bin/fusermount3
mends failure fusermount-not-setuid
umount /usr/bin/fusermount3
mount --bind /dev/null /usr/bin/fusermount3
examine
finds failure fusermount-missing
umount /usr/bin/fusermount3
before=(unshare -m bash -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' -)
examine
finds failure fuse-device-missing
before=(bash -c 'ulimit -S -n 64 && exec "$@"' -)
examine
finds warning descriptor-limit-low
before=(bash -c "ulimit -S -n 64 && $(said descriptor-limit-low fix) && exec \"\$@\"" -)
examine
no descriptor-limit-low
before=()

# Ports. The holder says which one it got.
hold() { # TYPE
    rm -f "$scratch/port"
    python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, getattr(socket, "SOCK_" + sys.argv[1]))
s.bind(("127.0.0.1", 0))
sys.argv[1] == "STREAM" and s.listen()
open(sys.argv[2] + "~", "w").write(str(s.getsockname()[1]))
import os; os.rename(sys.argv[2] + "~", sys.argv[2])
time.sleep(1000)' "$1" "$scratch/port" &
    holder=$!
    cleanup "kill $holder"
    wait_until test -e "$scratch/port"
    port=$(cat "$scratch/port")
}
hold STREAM
arguments=(--listen 127.0.0.1 --nbd-port "$port" --tftp-port 0)
mends failure nbd-port-taken
hold DGRAM
arguments=(--listen 127.0.0.1 --nbd-port 0 --tftp-port "$port")
mends failure tftp-port-taken
arguments=(--listen 192.0.2.1 --nbd-port 0 --tftp-port 0)
examine
finds failure listen-address-foreign
arguments=(--listen 127.0.0.1 --nbd-port 0 --tftp-port 0)
examine
finds warning listen-loopback

# The text says the same, failures first; the exit status of usage is 2.
before=("${as_nobody[@]}")
chmod 600 "$scratch/fuse"
"${before[@]}" "$BOOTVIEW" doctor "${arguments[@]}" >"$scratch/text" && fail "it says that all is well"
head -n 1 "$scratch/text" | grep -q '^FAIL .*\[fuse-device-denied\]$' || fail "no failure first: $(cat "$scratch/text")"
sed -n 2p "$scratch/text" | grep -q '^     fix: chmod 666 /dev/fuse$' || fail "no fix line: $(cat "$scratch/text")"
status=0
"$BOOTVIEW" doctor --as nonsense >/dev/null 2>&1 || status=$?
[ "$status" = 2 ] || fail "a client that is none: status $status"
echo "$found findings"
