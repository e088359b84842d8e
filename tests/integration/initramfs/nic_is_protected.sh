# The card that the root hangs on is named to every network manager, by files that are gone at the next boot. If this fails,
# a manager takes it down, and the machine with it.
source "$(dirname "$0")/../functions.sh"
hooks=$(realpath "$(dirname "$0")/../../../initramfs-hooks")
for shell in dash "busybox sh" /usr/lib/klibc/bin/sh; do
    run=$scratch/${shell##*/}
    mkdir -p "$run/sys/class/net/eth7"
    echo 52:54:00:12:34:56 >"$run/sys/class/net/eth7/address"
    # shellcheck disable=SC2086
    $shell -euc ". '$hooks/protect-nic.sh'; bootview_protect_card eth7 '$run'"
    has() { grep -qxF -- "$2" "$run/$1" || fail "$shell: no '$2' in $1"; }
    has systemd/network/00-bootview.network MACAddress=52:54:00:12:34:56
    has systemd/network/00-bootview.network KeepConfiguration=yes
    has systemd/network/00-bootview.network SendRelease=no
    has systemd/system/multi-user.target.d/bootview.conf Wants=systemd-networkd.service
    has NetworkManager/conf.d/00-bootview.conf unmanaged-devices=mac:52:54:00:12:34:56
    has network/ifstate.eth7 eth7
    has systemd/system/networking.service.d/bootview.conf Environment=EXCLUDE_INTERFACES=eth7
done

# Only when the root is there: while LVM's is looked for, its udev rule must not find systemd's directory, or it leaves
# the volumes to systemd-run, which no initramfs has. The boot script, with all that it calls put aside.
sed "s|^\\. /usr/lib/bootview/|. $hooks/|" "$hooks/initramfs-tools/scripts/bootview" >"$scratch/boot-script"
for shell in dash "busybox sh"; do
    # shellcheck disable=SC2016,SC2086
    order=$($shell -c '
        . "$0"
        for done_here in modprobe wait_for_udev bootview_wait_for bootview_attach_extras local_premount panic; do
            eval "$done_here() { :; }"
        done
        nbd_device= nbd_export= nbd_host= nbd_port= bootview_attached= NBDROOT=
        bootview_find_card() { bootview_card=eth7; }
        bootview_protect_card() { echo "protect $1"; }
        local_top() { echo LVM; }
        local_mount_root() { echo root; }
        local_bottom() { :; }
        mount_top; mount_premount; mountroot; mount_bottom' "$scratch/boot-script" 2>"$scratch/errors" | grep -v ^bootview: | tr '\n' ' ')
    [ "$order" = "LVM root protect eth7 " ] || fail "$shell: the order is $order; $(cat "$scratch/errors")"
done
