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
