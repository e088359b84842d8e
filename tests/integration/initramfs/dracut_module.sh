# An initramfs that dracut builds, on a machine that does not boot from NBD, has everything for nbdroot=. If this fails,
# such a machine's image does not boot from a server.
#
#     dracut_module.sh PATH/TO/bootview-nbd-attach
source "$(dirname "$0")/../functions.sh"
requires cpio
[ -d /usr/lib/dracut/modules.d/40network ] || { echo "skipped: no dracut-core and dracut-network"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "skipped: dracut wants to be root"; exit 77; }
attach=$1
hooks=$(realpath "$(dirname "$0")/../../../initramfs-hooks")

# dracut looks for modules beside itself: nothing is installed.
cp -r /usr/lib/dracut "$scratch/dracut"
cp "$(command -v dracut)" "$scratch/dracut/dracut.sh"
cp -r "$hooks/dracut/95bootview" "$scratch/dracut/modules.d/"

mkdir -p "$scratch/conf" "$scratch/tmp" "$scratch/root"
cp "$hooks/dracut/90-bootview.conf" "$scratch/conf/"
(
    cd "$scratch/dracut"
    BOOTVIEW_NBD_ATTACH=$attach BOOTVIEW_INITRAMFS_PARTS=$hooks ./dracut.sh --local --confdir "$scratch/conf" \
        --conf /dev/null --tmpdir "$scratch/tmp" --hostonly --no-kernel --no-early-microcode --no-compress \
        --modules "bash base rootfs-block network-legacy network bootview" \
        --force "$scratch/initramfs" 0.0.0 >"$scratch/log" 2>&1
) || fail "dracut: $(cat "$scratch/log")"
(cd "$scratch/root" && cpio -id --quiet <"$scratch/initramfs")

for file in usr/sbin/bootview-nbd-attach usr/lib/bootview/nbdroot.sh usr/lib/bootview/connect.sh \
    usr/lib/bootview/protect-nic.sh usr/sbin/bootviewroot usr/sbin/modprobe usr/bin/sleep usr/sbin/netroot; do
    [ -s "$scratch/root/$file" ] || fail "$file is not in it: $(cat "$scratch/log")"
done
parse=$(cd "$scratch/root" && find . -path '*hooks/cmdline/89-*nbdroot.sh')
[ -n "$parse" ] || fail "the command line is not looked at"
[ -n "$(find "$scratch/root" -path '*hooks/pre-pivot/89-protect-card.sh')" ] || fail "the card is not protected"

# Its own dracut-lib, its own shell, our hook: a network is asked for, and our script when it is there.
mkdir -p "$scratch/root/proc"
hook() {
    echo "$1" >"$scratch/root/proc/cmdline"
    rm -rf "$scratch/root/etc/cmdline.d"
    # shellcheck disable=SC2016
    chroot "$scratch/root" /bin/sh -c '. /lib/dracut-lib.sh; netroot=; . "$0"; echo "$netroot"; command -v "${netroot%%:*}root"; cat /etc/cmdline.d/*.conf 2>/dev/null' \
        "${parse#.}" 2>&1 || true
}
is() { [ "$2" = "$3" ] || fail "$1 gives '$2', not '$3'"; }
is "nbdroot=" "$(hook 'nbdroot=192.168.0.2:/disk root=LABEL=writable' | tr '\n' ' ')" "bootview:192.168.0.2:/disk /usr/sbin/bootviewroot rd.neednet=1 ip=dhcp "
is "with ip=" "$(hook 'ip=eth0:off nbdroot=192.168.0.2/disk root=/dev/nbd0p2' | tr '\n' ' ')" "bootview:192.168.0.2/disk /usr/sbin/bootviewroot rd.neednet=1 "
is "a local root" "$(hook 'root=/dev/sda1' | tr '\n' ' ')" " "
