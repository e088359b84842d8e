# `nbdkit --filter=bootview PLUGIN` publishes what clients change on the disk of any plugin, and a view
# of the server follows. If this fails, a disk that is no plain image file boots its old kernel.
source "$(dirname "$0")/functions.sh"
requires nbdkit nbdinfo nbdcopy python3
[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }
[ -n "$FILTER" ] || { echo "skipped: built with an nbdkit older than 1.26"; exit 77; }
/usr/bin/python3 -c 'import nbd' 2>/dev/null || { echo "skipped: no python3-libnbd"; exit 77; }
[ -z "$SANITIZE" ] || { echo "skipped: nbdkit hangs at its end under sanitizers"; exit 77; }

make_image "$scratch/disk.img"
m=$scratch/mnt
mkdir "$m"
uri="nbd+unix:///?socket=$scratch/nbd.sock"
view='' server=''
cleanup 'stop'
stop() {
    for process in $view $server; do
        kill "$process"
        wait "$process" 2>/dev/null || true
    done
    view='' server=''
}
serve() { # ARGUMENTS OF NBDKIT…; and mounts a view of it
    stop
    rm -f "$scratch/nbd.sock"
    nbdkit -f -U "$scratch/nbd.sock" --filter="$FILTER" "$@" notify="$scratch/ring.sock" &
    server=$!
    wait_until test -S "$scratch/ring.sock"
    wait_until nbdinfo --size "$uri"
}
show() {
    "$FUSE_FATIMG" -f -o "notify=$scratch/ring.sock" "$uri" "$m" 2>"$scratch/log" &
    view=$!
    wait_until test -e "$m/cmdline.txt"
}
mode() { getfattr --absolute-names --only-values -n user.bootview.mode "$m"; }

# Each way to change a disk, and at once a look at what it changed. The data of cmdline.txt is found
# by its content, so that nothing depends on where mtools put it. In the end, the numbers in the ring.
cat >"$scratch/change.py" <<'PYTHON'
import nbd, os, sys
uri, mount, base = sys.argv[1], sys.argv[2], int(sys.argv[3])
h = nbd.NBD()
h.connect_uri(uri)
disk = bytes(h.pread(8 << 20, base))
at = base + disk.index(b"console=tty1")
path = mount + "/cmdline.txt"

def shows(what, expected):
    found = open(path, "rb").read()[:len(expected)]
    assert found == expected, "%s: %r, not %r" % (what, found, expected)

shows("before", b"console=tty1")
for round in range(300):
    text = b"round %05d" % round
    h.pwrite(text, at, nbd.CMD_FLAG_FUA if round % 2 and h.can_fua() else 0)
    shows("write", text)
if h.can_zero():
    h.zero(512, at)
    shows("zero", bytes(11))
h.pwrite(b"written anew", at)
shows("write", b"written anew")
if h.can_trim():
    h.trim(512, at)
    assert open(path, "rb").read()[:12] == bytes(h.pread(12, at)), "trim"
h.pwrite(b"console=tty1", at)
if h.can_flush():
    h.flush()
h.shutdown()
PYTHON
follows() { # WHAT [BYTES BEFORE THE DATA AREA]
    [ "$(mode)" = attached ] || fail "$1: not attached: $(cat "$scratch/log")"
    cmp "$m/kernel8.img" "$scratch/kernel8.img" || fail "$1: the data differs"
    timeout 60 /usr/bin/python3 "$scratch/change.py" "$uri" "$m" "${2:-1048576}" || fail "$1"
}

# A disk that is no file.
serve memory 64M
nbdcopy --flush "$scratch/disk.img" "$uri"
show
follows memory
# Somebody else's export name is another way to the same disk, and is heard too.
(uri="nbd+unix:///other?socket=$scratch/nbd.sock" && follows "another export name")

# In front of a filter that keeps writes to itself, and of one that moves them.
serve --filter=cow file "$scratch/disk.img"
show
cp "$scratch/disk.img" "$scratch/kept.img"
follows cow
cmp "$scratch/disk.img" "$scratch/kept.img" || fail "cow: the image was written"
serve --filter=partition file "$scratch/disk.img" partition=1
show
follows partition 0
# Together with the plugin, which carries the same code and publishes to those who look for the image.
serve "$PLUGIN" "$scratch/disk.img"
show
follows "plugin and filter"
# Where nbdkit makes writes of zeroes, and flushes of FUA.
serve --filter=nozero --filter=fua file "$scratch/disk.img" zeromode=none fuamode=emulate
show
follows "without zero and FUA of its own"
stop

# A long range of zeroes leaves no old byte, where the plugin cannot zero.
truncate -s 200M "$scratch/long.img"
rm -f "$scratch/nbd.sock"
LD_PRELOAD=$NO_FALLOCATE nbdkit -f -U "$scratch/nbd.sock" --filter="$FILTER" file "$scratch/long.img" \
    notify=none &
server=$!
wait_until nbdinfo --size "$uri"
/usr/bin/python3 - "$uri" <<'PYTHON' || fail "zeroes of 160 MiB"
import nbd, sys
h = nbd.NBD()
h.connect_uri(sys.argv[1])
h.pwrite(b"X" * 512, 100 << 20)
h.zero(160 << 20, 0)
assert bytes(h.pread(512, 100 << 20)) == bytes(512), "old bytes"
PYTHON
stop

# What is wrong on the command line is said with what to do.
says() { # TEXT ARGUMENTS…
    local text=$1
    shift
    timeout 20 nbdkit -U - --filter="$FILTER" "$@" --run true 2>"$scratch/out" && fail "taken: $*"
    grep -q -- "$text" "$scratch/out" || fail "$*: $(cat "$scratch/out")"
}
says "no notify=: name a socket" memory 1M
says "is a directory: name a socket inside" memory 1M notify="$scratch"
says "must be an octal mode" memory 1M notify="$scratch/x.sock" notify-mode=rw
nbdkit --filter="$FILTER" memory --help | grep -q 'notify-group=<GROUP>' || fail "--help"
echo "what nbdkit can serve, can be shown"
