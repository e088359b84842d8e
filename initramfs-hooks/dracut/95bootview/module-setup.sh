#!/bin/bash
# The dracut module: nbdroot= as initramfs-tools has it. See bootview-initramfs(7).

# A test has them elsewhere.
attach=${BOOTVIEW_NBD_ATTACH:-/usr/sbin/bootview-nbd-attach}
parts=${BOOTVIEW_INITRAMFS_PARTS:-/usr/share/bootview/initramfs}

# Included whatever the root of the machine is that builds the initramfs: with hostonly, which is
# usual, dracut's own nbd module is left out until the machine boots from NBD, which it then can't.
check() {
    require_binaries "$attach" || return 1
}

depends() {
    echo network rootfs-block
}

installkernel() {
    # The network cards too: it may be another machine's image.
    hostonly='' instmods nbd virtio_net virtio_pci =drivers/net/ethernet =drivers/net/phy
}

install() {
    inst_simple "$attach" /usr/sbin/bootview-nbd-attach
    for part in nbdroot.sh connect.sh protect-nic.sh; do
        inst_simple "$parts/$part" "/usr/lib/bootview/$part"
    done
    # Before parse-block.sh (95), which waits for the device in root=, and what sets up networks.
    inst_hook cmdline 89 "$moddir/parse-nbdroot.sh"
    # As late as can be: it writes below /run/systemd/system, by which LVM tells whether systemd runs.
    inst_hook pre-pivot 89 "$moddir/protect-card.sh"
    inst_script "$moddir/attach-root.sh" /sbin/bootviewroot
    inst_multiple modprobe sleep mkdir
    dracut_need_initqueue
}
