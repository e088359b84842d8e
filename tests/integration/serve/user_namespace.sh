# Inside an unprivileged container (user and mount namespace): root in name only.
. "$(dirname "$0")/serving.sh"

image=$scratch/disk.img
make_image one "$image"
# The container's root is this one's outside: without rights on /run or low ports.
outside=()
if ((EUID == 0)); then
    outside=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${outside[@]}" test -x "$BOOTVIEW" || skip "the build directory is closed to other users"
    chown -R 65534:65534 "$scratch"
    mknod -m 666 "$scratch/fuse" c 10 229
    outside=(unshare -m bash -c 'mount --bind "$1" /dev/fuse && shift && exec "$@"' - "$scratch/fuse"
        "${outside[@]}")
fi
"${outside[@]}" unshare -Urm true 2>/dev/null || skip "no user namespaces here"
prefix=("${outside[@]}" unshare -Urm)

start_serve "$image"
pids=$(pgrep -P "$serve_pid")
for name in kernel8.img initramfs8; do
    [[ $(fetch "$name") == "$(boot_file "$image" "$name")" ]] || die "$name is wrong"
done
[[ $(part nbdkit) && $(nsenter -U -m -t "$serve_pid" ls "$view" | wc -l) -gt 5 ]] ||
    die "the view is empty inside the namespace"
stop_serve
expect_nothing_left $pids
[[ ! -e $view ]] || die "$view is left"
