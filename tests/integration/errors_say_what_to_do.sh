# Every way in which a start can fail gives one line that names the thing, the reason and the
# remedy, and the right exit status. If this fails, somebody searches for hours.
source "$(dirname "$0")/functions.sh"
requires nbdkit mkfs.vfat mcopy

make_image "$scratch/good.img"
mkdir "$scratch/mnt" "$scratch/notify"
truncate -s 0 "$scratch/empty.img"
truncate -s 4M "$scratch/noise.img"
cp "$scratch/good.img" "$scratch/exfat.img"
printf 'EXFAT   ' | dd of="$scratch/exfat.img" bs=1 seek=$((1048576 + 3)) conv=notrunc status=none
cp "$scratch/good.img" "$scratch/ntfs.img"
printf 'NTFS    ' | dd of="$scratch/ntfs.img" bs=1 seek=$((1048576 + 3)) conv=notrunc status=none
touch "$scratch/file"

# expect STATUS "WORDS" COMMAND...: fails with that status and exactly one line with these words.
expect() {
    local status=$1 words=$2 got=0
    shift 2
    timeout 20 "$@" >"$scratch/out" 2>&1 || got=$?
    cat "$scratch/out"
    [ "$got" = "$status" ] || fail "exit status $got, not $status: $*"
    [ "$(wc -l <"$scratch/out")" = 1 ] || fail "not one line: $*"
    grep -qF -- "$words" "$scratch/out" || fail "does not say '$words': $*"
}
view() { expect "$1" "$2" "$FUSE_FATIMG" -f -o notify="$scratch/notify" "${@:3}"; }
m=$scratch/mnt

view 1 "No such file or directory: check the path" "$scratch/nothere.img" "$m"
view 1 "is empty" "$scratch/empty.img" "$m"
view 1 "neither a partition table nor a FAT" "$scratch/noise.img" "$m"
view 1 "exFAT" "$scratch/exfat.img" "$m"
view 1 "NTFS" "$scratch/ntfs.img" "$m"
view 1 "has no partition 9: choose one of 1, 2" -o partition=9 "$scratch/good.img" "$m"
view 1 "partition 2 holds no FAT" -o partition=2 "$scratch/good.img" "$m"
view 1 "mkdir -p" "$scratch/good.img" "$scratch/nowhere"
# What is between backticks, or behind the last colon, is typed as it stands.
odd="$scratch/my images/a'b \$(x)"
mkdir -p "$odd"
gzip -c "$scratch/noise.img" >"$odd/a'b \$(x).img.gz"
view 1 "is packed with gzip" "$odd/a'b \$(x).img.gz" "$m"
eval "$(grep -oP 'unpack it with `\K[^`]*' "$scratch/out")"
cmp "$scratch/noise.img" "$odd/a'b \$(x).img"
view 1 "mkdir -p" "$scratch/good.img" "$odd/nowhere"
eval "$(sed 's/.*: mkdir/mkdir/' "$scratch/out")"
test -d "$odd/nowhere"
view 1 "is not a directory" "$scratch/good.img" "$scratch/file"
view 2 "unknown option" -o nonsense "$scratch/good.img" "$m"
view 2 "needs a value" -o uid "$scratch/good.img" "$m"
view 2 "takes no value" -o ro=1 "$scratch/good.img" "$m"
view 2 "read-only" -o rw "$scratch/good.img" "$m"
view 2 "tz=5: must be UTC, local, or an offset" -o tz=5 "$scratch/good.img" "$m"
view 2 "check=strict: names are found whatever their case" -o check=strict "$scratch/good.img" "$m"
view 2 "iocharset=iso8859-1: names are always UTF-8" -o iocharset=iso8859-1 "$scratch/good.img" "$m"
view 2 "shortname=lower: 8.3 names show in the case" -o shortname=lower "$scratch/good.img" "$m"
view 2 "errors=panic: must be continue or remount-ro" -o errors=panic "$scratch/good.img" "$m"
view 2 "uid=4294967295: must be a number of at most 4294967294" -o uid=4294967295 "$scratch/good.img" "$m"
view 2 "uid=+5: must be a number" -o uid=+5 "$scratch/good.img" "$m"
view 2 "umask=999: must be an octal number of at most 777" -o umask=999 "$scratch/good.img" "$m"
view 2 "time_offset=1441: must be a number of at most 1440" -o time_offset=1441 "$scratch/good.img" "$m"
view 2 "time_offset=-5: must be a number" -o time_offset=--5 "$scratch/good.img" "$m"
view 2 "codepage=x: must be a number" -o codepage=x "$scratch/good.img" "$m"
view 1 "codepage=4: the C library knows no such code page" -o codepage=4 "$scratch/good.img" "$m"
view 2 "choose one of them" -o allow_other,allow_root "$scratch/good.img" "$m"
view 1 "check the URI, and that the server runs" "nbd+unix:///?socket=$scratch/no.sock" "$m"
expect 2 "MOUNTPOINT is missing" "$FUSE_FATIMG" "$scratch/good.img"
expect 2 "--help" "$FUSE_FATIMG"

# What only an ordinary user meets, and a machine without FUSE.
if can_remount "errors of an ordinary user"; then
    mkdir "$scratch/user"
    cp "$FUSE_FATIMG" "$scratch/user/fuse-fatimg" # the build tree may be closed to that user
    mkdir "$scratch/user/mnt"
    cp "$scratch/good.img" "$scratch/user/"
    chmod 755 "$scratch"
    chown -R 65534:65534 "$scratch/user"
    usual=$(dirname "$(realpath "$0")")/usual_machine.sh
    as_user() { expect "$1" "$2" unshare -m bash "$usual" "$scratch" "${@:3}"; }
    program=$scratch/user/fuse-fatimg u=$scratch/user
    as_user 1 "fusermount3: not found" env PATH=/nonexistent "$program" -f "$u/good.img" "$u/mnt"
    as_user 1 "add the line user_allow_other" "$program" -f -o allow_other "$u/good.img" "$u/mnt"
    as_user 1 "-o allow_root: not permitted" "$program" -f -o allow_root "$u/good.img" "$u/mnt"
    as_user 1 "you may not write to the mount point" "$program" -f "$u/good.img" "$m"
    chmod 000 "$u/good.img"
    as_user 1 "make it readable" "$program" -f "$u/good.img" "$u/mnt"
    expect 1 "/dev/fuse: does not exist: modprobe fuse" unshare -m bash -c \
        'mount -t tmpfs none /dev && exec "$0" -f "$1" "$2"' "$FUSE_FATIMG" "$scratch/good.img" "$m"
fi

if [ -w /dev/fuse ]; then
    cleanup "fusermount3 -u -z -q $m; umount -l $m 2>/dev/null"
    timeout 60 "$FUSE_FATIMG" -f -o notify="$scratch/notify" "$scratch/good.img" "$m" 2>/dev/null &
    cleanup "kill $! 2>/dev/null"
    wait_until test -e "$m/cmdline.txt"
    view 1 "something is mounted there already" "$scratch/good.img" "$m"
fi

if [ -n "$SANITIZE" ]; then
    echo "left out: nbdkit hangs at its end under sanitizers (drop_in_for_the_file_plugin.sh)"
    exit 0
fi
plugin() { expect "$1" "$2" nbdkit -U - "$PLUGIN" "${@:3}" --run true; }
plugin 1 "nothere.img: No such file or directory: check the path" "$scratch/nothere.img"
plugin 1 "use dir= to serve the images within it" "$scratch/notify"
plugin 1 "use file= to serve one image" dir="$scratch/good.img"
plugin 1 "only one of them" "$scratch/good.img" dir="$scratch"
plugin 1 "unknown parameter 'nonsense'" "$scratch/good.img" nonsense=1
plugin 1 "must be an octal mode" "$scratch/good.img" notify-mode=rw
plugin 1 "no such group" "$scratch/good.img" notify-group=nosuchgroup
plugin 1 "must be default or none" "$scratch/good.img" cache=all
plugin 1 "there is only one" "$scratch/good.img" default=x
plugin 1 "name another path with notify=" "$scratch/good.img" notify=/proc/ring.sock
# Of a directory the images are served all the same.
mkdir "$scratch/images"
cp "$scratch/good.img" "$scratch/images/"
# shellcheck disable=SC2016 # nbdkit knows the socket
expect 0 "views will poll this image" nbdkit -U - "$PLUGIN" dir="$scratch/images" notify=/proc \
    --run 'nbdinfo --size "nbd+unix:///good.img?socket=$unixsocket" >/dev/null'

nbdkit -f -U "$scratch/nbd.sock" "$PLUGIN" "$scratch/good.img" notify="$scratch/notify" &
cleanup "kill $! 2>/dev/null"
wait_until sh -c "ls $scratch/notify/*.sock"
plugin 1 "is served already by process" "$scratch/good.img" notify="$scratch/notify"
plugin 1 "or with notify=none if no view" "$scratch/good.img" notify="$scratch/notify"
# Of a directory only who could write is refused; who only reads needs no socket, and none is taken from who writes.
second() { nbdkit -U - "$@" --run 'nbdinfo --size "nbd+unix:///good.img?socket=$unixsocket" >/dev/null 2>&1'; }
mv "$scratch/images/good.img" "$scratch/images/other.img"
ln "$scratch/good.img" "$scratch/images/good.img"
second "$PLUGIN" dir="$scratch/images" notify="$scratch/notify" 2>"$scratch/out" && fail "written unseen by the views of another server"
grep -q "export 'good.img': .* served already by process" "$scratch/out" || fail "$(cat "$scratch/out")"
second "$PLUGIN" dir="$scratch/images" notify=none || fail "notify=none"
second -r "$PLUGIN" dir="$scratch/images" notify="$scratch/notify" || fail "-r"
second -fr "$PLUGIN" "$scratch/good.img" notify="$scratch/notify" || fail "-r of one image"
nbdkit -f -r -U "$scratch/reader.sock" "$PLUGIN" "$scratch/images/other.img" notify="$scratch/notify" &
cleanup "kill $! 2>/dev/null"
wait_until nbdinfo "nbd+unix:///?socket=$scratch/reader.sock"
second "$PLUGIN" "$scratch/images/other.img" notify="$scratch/notify" || fail "a server that only reads is in the way"
if can_remount "a full /run"; then # without room for a socket the image is served all the same
    mkdir "$scratch/full"
    expect 0 "views will poll this image" unshare -m sh -c '
        mount -t tmpfs -o nr_inodes=1 none "$1" && exec nbdkit -U - "$2" "$3" notify="$1" --run '\''nbdinfo --size "$uri" >/dev/null'\' \
        sh "$scratch/full" "$PLUGIN" "$scratch/images/other.img"
fi
echo "every error says what to do"
