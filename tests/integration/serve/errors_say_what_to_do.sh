# Whatever keeps serve from starting is told in one line: the thing, the reason, the remedy.
. "$(dirname "$0")/serving.sh"

image=$scratch/disk.img
make_image one "$image"

# expect STATUS TEXT... -- COMMAND...: fails with this status and one line that contains each TEXT.
expect() {
    local status=0 wanted=$1 texts=() text before
    before=$(mount_directories)
    shift
    while [[ $1 != -- ]]; do texts+=("$1"); shift; done
    shift
    timeout 60 "$@" >"$scratch/out" 2>"$scratch/line" || status=$?
    [[ $status == "$wanted" ]] || { cat "$scratch/line"; die "status $status instead of $wanted: $*"; }
    [[ $(wc -l <"$scratch/line") == 1 ]] || { cat "$scratch/line"; die "not one line: $*"; }
    for text in "${texts[@]}"; do
        grep -qF -- "$text" "$scratch/line" || { cat "$scratch/line"; die "no '$text': $*"; }
    done
    [[ $(mount_directories) == "$before" ]] || die "a mount directory is left: $*"
    echo "ok: $(cat "$scratch/line")"
}
mount_directories() {
    ls -d "$XDG_RUNTIME_DIR"/bootview/view-* /run/bootview/view-* /tmp/bootview-*/view-* 2>/dev/null || true
}
serve=(env ${preload[@]+"${preload[@]}"} "$BOOTVIEW" serve --listen 127.0.0.1)
on_free_ports=("${serve[@]}" --nbd-port 0 --tftp-port 0)

expect 2 'IMAGE|DIR' -- "${on_free_ports[@]}"
expect 2 'localhost' -- "$BOOTVIEW" serve --listen localhost "$image"
expect 1 'none.img: no such image' -- "${on_free_ports[@]}" "$scratch/none.img"
: >"$scratch/empty.img"
expect 1 'empty.img' 'empty (0 bytes)' -- "${on_free_ports[@]}" "$scratch/empty.img"
truncate -s 1M "$scratch/no-fat.img"
expect 1 'no-fat.img' -- "${on_free_ports[@]}" "$scratch/no-fat.img"
head -c 2M "$image" >"$scratch/cut.img"
expect 1 'cut.img' 'copy it again' 'wget --continue' -- "${on_free_ports[@]}" "$scratch/cut.img"
expect 1 "$image" 'partition' -- "${on_free_ports[@]}" -o partition=4 "$image"
expect 1 "$scratch/none" 'mkdir -p' -- "${on_free_ports[@]}" --mount "$scratch/none" "$image"
expect 1 '/proc' 'mounted there' '--mount' -- "${on_free_ports[@]}" --mount /proc "$image"
expect 1 '192.0.2.1' '--listen' -- "$BOOTVIEW" serve --listen 192.0.2.1 "$image"
expect 1 'nbdkit' 'apt install nbdkit' -- env PATH=/nowhere ${preload[@]+"${preload[@]}"} "$BOOTVIEW" serve --nbd-port 0 --tftp-port 0 "$image"

start_serve "$image"
nbd_port=${nbd##*:} tftp_port=${tftp##*:}
make_image two "$scratch/other.img"
expect 1 "NBD port ${nbd_port%/}" "bootview (process $serve_pid)" '--nbd-port' -- \
    "${serve[@]}" --nbd-port "${nbd_port%/}" --tftp-port 0 "$scratch/other.img"
expect 1 "TFTP port ${tftp_port%/}" "tftp-bridge" '--tftp-port' -- \
    "${serve[@]}" --nbd-port 0 --tftp-port "${tftp_port%/}" "$scratch/other.img"
expect 1 "$image" "already served by bootview (process $serve_pid)" -- \
    "${serve[@]}" --nbd-port "${nbd_port%/}" --tftp-port 0 "$image"
expect 1 "$image" -- "${on_free_ports[@]}" "$image"
expect 1 "$view" 'mounted there' -- "${on_free_ports[@]}" --mount "$view" "$scratch/other.img"
[[ $(fetch kernel8.img) == "$(boot_file "$image" kernel8.img)" ]] ||
    die "the first serve was disturbed by the second"
stop_serve

# What only shows with other devices, programs or users.
((EUID == 0)) || exit 0
# A plain chroot has no mount namespaces to try that in.
unshare -m true 2>/dev/null || { echo "left out: errors of other devices, programs and users"; exit 0; }
expect 1 '/dev/fuse' 'modprobe fuse' '--device /dev/fuse' -- \
    unshare -m bash -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' - \
    "${on_free_ports[@]}" "$image"
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if "${as_nobody[@]}" test -x "$BOOTVIEW"; then
    chmod 600 "$image"
    expect 1 "$image" 'may not read it' chmod -- "${as_nobody[@]}" "${on_free_ports[@]}" "$image"
    chmod 644 "$image"
    expect 1 'fusermount3' 'apt install fuse3' -- \
        unshare -m bash -c 'mount --bind /dev/null /usr/bin/fusermount3 && exec "$@"' - \
        "${as_nobody[@]}" "${on_free_ports[@]}" "$image"
    mknod -m 600 "$scratch/fuse" c 10 229
    with_fuse=(unshare -m bash -c 'mount --bind "$1" /dev/fuse && shift && exec "$@"' - "$scratch/fuse")
    expect 1 '/dev/fuse' 'may not open it' 'chmod 666' -- \
        "${with_fuse[@]}" "${as_nobody[@]}" "${on_free_ports[@]}" "$image"
    chmod 666 "$scratch/fuse"
    expect 1 'TFTP port 69' 'this user may not' '--tftp-port' -- \
        "${with_fuse[@]}" "${as_nobody[@]}" "${serve[@]}" --nbd-port 0 --tftp-port 69 "$image"
fi
