# An image that only an NBD server can read is shown as well; what is packed is refused with a command
# that really unpacks or serves it. If this fails, people unpack gigabytes by trial and error.
source "$(dirname "$0")/functions.sh"
requires nbdkit mcopy xz zstd gzip bzip2 python3
[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }

make_image "$scratch/disk.img"
m=$scratch/mnt
mkdir "$m" "$scratch/notify"
view='' server=''
cleanup 'stop_view'
cleanup 'stop_server'
stop_view() {
    [ -n "$view" ] || return 0
    kill "$view"
    wait "$view" || true
    view=
}
stop_server() {
    [ -n "$server" ] || return 0
    kill -9 "$server" # with a client connected it does not always end at once
    wait "$server" 2>/dev/null || true
    server=
}
serve() {
    rm -f "$scratch/nbd.sock"
    nbdkit -f -r -U "$scratch/nbd.sock" "$@" &
    server=$!
    wait_until test -S "$scratch/nbd.sock"
}
uri="nbd+unix:///?socket=$scratch/nbd.sock"
mounted() { # SOURCE [OPTIONS]
    stop_view
    "$FUSE_FATIMG" -f -o "notify=$scratch/notify${2:+,$2}" "$1" "$m" 2>"$scratch/log" &
    view=$!
    wait_until test -e "$m/cmdline.txt"
}
# For a failure: what it says, on one line.
refusal() { timeout 60 "$FUSE_FATIMG" -f "$@" "$m" 2>&1 && fail "mounted: $*" || true; }

# Read through a server, whatever sizes of request it takes.
serve file "$scratch/disk.img"
mounted "$uri"
cmp "$m/kernel8.img" "$scratch/kernel8.img"
[ "$(getfattr --absolute-names --only-values -n user.bootview.mode "$m")" = poll ] || fail "the mode is not poll"
"$FUSE_FATIMG" --list "$uri" | grep -q 'BOOT' || fail "--list of a URI"
(cd "$scratch" && "$FUSE_FATIMG" --list "nbd+unix:///?socket=nbd.sock" | grep -q BOOT) || fail "relative"

# A server that goes and comes back: an error meanwhile, and not for ever.
stop_server
cat "$m/kernel8.img" >/dev/null 2>"$scratch/error" && {
    # the page cache may hold it: what was never read cannot be there
    ls "$m/nothere" 2>"$scratch/error" && fail "a lost server went unnoticed"
}
grep -qE "Input/output error" "$scratch/error" || fail "$(cat "$scratch/error")"
serve file "$scratch/disk.img"
wait_until cmp "$m/kernel8.img" "$scratch/kernel8.img"
grep -q "connected again" "$scratch/log" || fail "$(cat "$scratch/log")"
# Changes show at the next operation, in mode poll too.
echo new >"$scratch/new"
mcopy -o -i "$scratch/disk.img@@1M" "$scratch/new" ::cmdline.txt
[ "$(cat "$m/cmdline.txt")" = new ] || fail "a change does not show"
stop_view
stop_server

serve --filter=blocksize-policy file "$scratch/disk.img" \
    blocksize-minimum=4096 blocksize-maximum=65536 blocksize-error-policy=error
mounted "$uri"
cmp "$m/kernel8.img" "$scratch/kernel8.img"
stop_view
stop_server

# An error of the medium is an error of the read, and the connection stays.
serve --filter=error file "$scratch/disk.img" error-pread=EIO error-pread-rate=100%
refusal "$uri" >"$scratch/out"
grep -q "Input/output error" "$scratch/out" || fail "$(cat "$scratch/out")"
stop_server
refusal "$uri" >"$scratch/out"
grep -q "check the URI, and that the server runs" "$scratch/out" || fail "$(cat "$scratch/out")"
refusal "nbd+nonsense://x" >"$scratch/out"
grep -q "check the URI" "$scratch/out" || fail "$(cat "$scratch/out")"

# With keys, where libnbd can.
if command -v psktool >/dev/null && nbdkit --dump-config | grep -q '^tls=yes'; then
    psktool -u me -p "$scratch/keys.psk" >/dev/null 2>&1
    serve --tls=require --tls-psk="$scratch/keys.psk" file "$scratch/disk.img"
    "$FUSE_FATIMG" --list "nbds+unix://me@/?socket=$scratch/nbd.sock&tls-psk-file=$scratch/keys.psk" |
        grep -q BOOT || fail "TLS"
    stop_server
fi

# Attached, where the server publishes its writes and notify= says where.
if [ -z "$SANITIZE" ]; then
    rm -f "$scratch/nbd.sock"
    nbdkit -f -U "$scratch/nbd.sock" "$PLUGIN" "$scratch/disk.img" notify="$scratch/ring.sock" &
    server=$!
    wait_until test -S "$scratch/ring.sock"
    wait_until test -S "$scratch/nbd.sock"
    mounted "$uri" "notify=$scratch/ring.sock"
    [ "$(getfattr --absolute-names --only-values -n user.bootview.mode "$m")" = attached ] || fail "not attached"
    [ "$(cat "$m/cmdline.txt")" = new ] || fail "reading while attached"
    stop_view
    stop_server
fi

# Packed: the command in the message is run as it stands.
command_in() { sed -n "s/.*$1 \`\([^\`]*\)\`.*/\1/p" "$scratch/out"; }
cp "$scratch/disk.img" "$scratch/a b.img"
pack() { # SUFFIX COMMAND
    for name in "$scratch/disk.img" "$scratch/a b.img"; do
        $2 <"$name" >"$name$1"
        refusal "$name$1" >"$scratch/out"
        grep -q "is packed with" "$scratch/out" || fail "$1: $(cat "$scratch/out")"
        mv "$name" "$scratch/original"
        sh -c "$(command_in "unpack it with")" >/dev/null 2>&1 || fail "$(cat "$scratch/out")"
        cmp "$name" "$scratch/original" || fail "$1: the advice does not unpack it"
    done
    # By its content, whatever it is called.
    mv "$scratch/disk.img$1" "$scratch/other.img"
    refusal "$scratch/other.img" >"$scratch/out"
    sh -c "$(command_in "unpack it with")" >/dev/null 2>&1 || fail "$(cat "$scratch/out")"
    cmp "$scratch/other.img.raw" "$scratch/disk.img" || fail "$1 without its suffix"
    "$FUSE_FATIMG" --list "$scratch/other.img" >"$scratch/out" 2>&1 && fail "listed"
    grep -q "is packed with" "$scratch/out" || fail "--list: $(cat "$scratch/out")"
}
pack .xz "xz -0"
pack .zst "zstd -q -1"
pack .gz "gzip -1"
pack .bz2 "bzip2 -1"
python3 -c 'import sys,zipfile; zipfile.ZipFile(sys.argv[1], "w").writestr("disk.img", b"x" * 4096)' "$scratch/disk.zip"
refusal "$scratch/disk.zip" >"$scratch/out"
grep -q "unzip $scratch/disk.zip" "$scratch/out" || fail "$(cat "$scratch/out")"
for format in qcow2:'QFI\xfb' vmdk:KDMV vhdx:vhdxfile vpc:conectix; do
    { printf "${format#*:}"; head -c 4096 /dev/zero; } >"$scratch/vm.img"
    refusal "$scratch/vm.img" >"$scratch/out"
    grep -q "qemu-nbd -r -t -b 127.0.0.1 -f ${format%:*} $scratch/vm.img" "$scratch/out" ||
        fail "$(cat "$scratch/out")"
done
# Without unpacking: nbdkit's filter, with the words of the advice but on a socket of our own.
if nbdkit --dump-plugin --filter=xz null >/dev/null 2>&1; then
    xz -0 -k --block-size=1MiB "$scratch/disk.img"
    refusal "$scratch/disk.img.xz" >"$scratch/out"
    advice=$(command_in "or serve it with")
    [ "$advice" = "nbdkit -r -i 127.0.0.1 --filter=xz file $scratch/disk.img.xz" ] || fail "$advice"
    serve --filter=xz file "$scratch/disk.img.xz"
    mounted "$uri"
    cmp "$m/kernel8.img" "$scratch/kernel8.img"
    stop_view
    stop_server
fi
echo "whatever holds the image"
