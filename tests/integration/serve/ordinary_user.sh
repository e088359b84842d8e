# An ordinary user serves an image, on high ports, and can end it again.
. "$(dirname "$0")/serving.sh"

image=$scratch/disk.img
make_image one "$image"
if ((EUID == 0)); then
    as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${as_nobody[@]}" test -x "$BOOTVIEW" || skip "the build directory is closed to other users"
    [[ -u $(readlink -f "$(command -v fusermount3)") ]] || skip "fusermount3 is not setuid"
    unshare -m true 2>/dev/null || skip "a plain chroot, without mount namespaces"
    chown -R 65534:65534 "$scratch"
    prefix=(unshare -m bash "$(dirname "$0")/../usual_machine.sh" "$scratch")
fi
start_serve "$image"
pids=$(pgrep -P "$serve_pid")
[[ $view == "$XDG_RUNTIME_DIR"/bootview/view-* ]] || die "the view is not in the runtime directory"
for name in kernel8.img cmdline.txt overlays/vc4-kms-dsi-waveshare-panel.dtbo; do
    [[ $(fetch "$name") == "$(boot_file "$image" "$name")" ]] || die "$name is wrong"
done
[[ $(ps -o uid= -p "$(part nbdkit)") -ne 0 ]] || die "nbdkit runs as root"
stop_serve
expect_nothing_left $pids
[[ ! -e $view ]] || die "$view is left"

# What another user's server has left in /run is no trouble of this one.
if ((EUID == 0)); then
    name=$(printf 'ring-%x-%x.sock' "$(stat -c %d "$image")" "$(stat -c %i "$image")")
    mkdir -p /run/bootview
    python3 -c 'import os, socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(sys.argv[1])
os.chmod(sys.argv[1], 0o600)' "/run/bootview/$name"
    prefix+=(env -u XDG_RUNTIME_DIR)
    start_serve "$image"
    rm "/run/bootview/$name"
    ! grep 'no permission' "$scratch/serve.err" || die "a server that is attached is told that it may not be"
    stop_serve
fi
