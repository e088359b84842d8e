# After an update the boot partition has the new kernel and its initramfs, and what would not come up again is said
# loudly. If this fails, a machine without a disk is dead after its next reboot, and nobody was told.
source "$(dirname "$0")/../functions.sh"
requires lsinitramfs cpio gzip
parts=$(dirname "$(readlink -f "$0")")/../../../initramfs-hooks/boot-partition

check() { "$parts/bootview-boot-check" "$scratch/boot/firmware" >"$scratch/out" 2>&1; }
good() { check || fail "is called broken: $(cat "$scratch/out")"; grep -q "$1" "$scratch/out" || fail "does not say '$1': $(cat "$scratch/out")"; }
bad() {
    ! check || fail "is called good, not: $1"
    grep -q -- "$1" "$scratch/out" || fail "does not say '$1': $(cat "$scratch/out")"
    grep -q 'will NOT come up again' "$scratch/out" || fail "is not loud"
}
# A kernel of that version as far as its header goes, in both kinds.
x86_kernel() {
    { head -c 514 /dev/zero; printf 'HdrS'; head -c 8 /dev/zero; printf '\0\20'; head -c 4080 /dev/zero; printf '%s (debian-kernel) #1 SMP' "$1"; head -c 100000 /dev/zero; } >"$2"
    # kernel_version, at 526, is relative to 512: 0x1000 + 512 = 4608.
    [ "$(stat -c %s "$2")" -gt 4608 ]
}
arm_kernel() { { head -c 5000 /dev/zero; printf 'Linux version %s (debian-kernel@lists.debian.org)\0' "$1"; } >"$2"; }
# initramfs VERSION FILE [PATH...]: has the script and the driver, unless PATHs are given.
initramfs() {
    rm -rf "$scratch/tree"
    local path version=$1 file=$2
    shift 2
    [ $# != 0 ] || set -- scripts/bootview "usr/lib/modules/$version/kernel/drivers/block/nbd.ko" init
    for path; do
        mkdir -p "$scratch/tree/$(dirname "$path")"
        echo "$path" >"$scratch/tree/$path"
    done
    (cd "$scratch/tree" && find . | cpio -o -H newc --quiet | gzip -1) >"$file"
}

boot=$scratch/boot
pi=$boot/firmware
mkdir -p "$pi/pxelinux.cfg" "$pi/EFI/debian"
x86_kernel 6.1.0-1-amd64 "$boot/vmlinuz-6.1.0-1-amd64"
initramfs 6.1.0-1-amd64 "$boot/initrd.img-6.1.0-1-amd64"
update() { BOOTVIEW_BOOT=$boot "$parts/bootview-boot-update"; }

# Not asked for: nothing is put where nothing was.
update
[ ! -e "$pi/vmlinuz" ] || fail "put a kernel where there was none"
good 'nothing in .* boots from NBD'

cp "$boot/vmlinuz-6.1.0-1-amd64" "$pi/vmlinuz"
cp "$boot/initrd.img-6.1.0-1-amd64" "$pi/initrd.img"
cat >"$pi/pxelinux.cfg/default" <<'END'
DEFAULT linux
LABEL memtest
  KERNEL memtest
LABEL linux
  KERNEL vmlinuz
  INITRD initrd.img
  APPEND ip=dhcp nbdroot=boot:/disk root=LABEL=writable
END
good '1 of 1 ways to boot'
printf 'menuentry x {\n  linux (tftp)/vmlinuz ip=dhcp nbdroot=192.168.0.2/disk root=/dev/nbd0p2\n  initrd (tftp)/initrd.img\n}\n' >"$pi/EFI/debian/grub.cfg"
printf '#!ipxe\nkernel vmlinuz initrd=initrd.img nbdroot=192.168.0.2/disk root=/dev/nbd0p2\ninitrd initrd.img\nboot\n' >"$pi/boot.ipxe"
good '3 of 3 ways to boot'

# A newer kernel: not without its initramfs, then both; 10 is newer than 9.
x86_kernel 6.1.0-10-amd64 "$boot/vmlinuz-6.1.0-10-amd64"
x86_kernel 6.1.0-9-amd64 "$boot/vmlinuz-6.1.0-9-amd64"
initramfs 6.1.0-9-amd64 "$boot/initrd.img-6.1.0-9-amd64"
update
cmp "$boot/vmlinuz-6.1.0-9-amd64" "$pi/vmlinuz"
initramfs 6.1.0-10-amd64 "$boot/initrd.img-6.1.0-10-amd64"
update
cmp "$boot/vmlinuz-6.1.0-10-amd64" "$pi/vmlinuz"
cmp "$boot/initrd.img-6.1.0-10-amd64" "$pi/initrd.img"
[ -z "$(find "$pi" -name '*.new')" ] || fail "left a piece of work behind"
good '3 of 3'
inode=$(stat -c %i "$pi/vmlinuz")
update
[ "$(stat -c %i "$pi/vmlinuz")" = "$inode" ] || fail "wrote again what was there"

# Everything that can be wrong, one by one.
cp "$boot/vmlinuz-6.1.0-9-amd64" "$pi/vmlinuz"
bad 'the kernel vmlinuz is 6.1.0-9-amd64, the initramfs initrd.img is for 6.1.0-10-amd64'
update
good '3 of 3'
head -c 200 "$boot/initrd.img-6.1.0-10-amd64" >"$pi/initrd.img"
bad "can't be unpacked"
initramfs 6.1.0-10-amd64 "$pi/initrd.img" init usr/lib/modules/6.1.0-10-amd64/kernel/drivers/block/nbd.ko
bad 'no script that attaches the root'
initramfs 6.1.0-10-amd64 "$pi/initrd.img" init scripts/bootview usr/lib/modules/6.1.0-10-amd64/kernel/drivers/block/loop.ko
bad 'no driver for NBD'
rm "$pi/initrd.img"
bad 'the initramfs initrd.img is not there'
update
[ ! -e "$pi/initrd.img" ] || fail "put an initramfs where there was none"
cp "$boot/initrd.img-6.1.0-10-amd64" "$pi/initrd.img"
rm "$pi/vmlinuz"
bad 'the kernel (tftp)/vmlinuz is not there'
cp "$boot/vmlinuz-6.1.0-10-amd64" "$pi/vmlinuz"
good '3 of 3'
sed -i '/INITRD/d' "$pi/pxelinux.cfg/default"
bad 'no initramfs'

# A Raspberry Pi looks after its files itself, and is looked at.
rm -r "$pi/pxelinux.cfg" "$pi/EFI" "$pi/boot.ipxe" "$pi/vmlinuz" "$pi/initrd.img"
printf 'arm_64bit=1\nauto_initramfs=1\n' >"$pi/config.txt"
echo 'console=tty1 ip=dhcp nbdroot=192.168.0.2/pi root=/dev/nbd0p2' >"$pi/cmdline.txt"
arm_kernel 6.12.25-v8 "$pi/kernel8.img"
initramfs 6.12.25-v8 "$pi/initramfs8"
good '1 of 1'
initramfs 6.6.1-v8 "$pi/initramfs8"
bad 'the kernel kernel8.img is 6.12.25-v8'
printf 'kernel=vmlinuz\ninitramfs initrd.img followkernel\n' >"$pi/config.txt"
arm_kernel 6.8.0-1 "$pi/vmlinuz"
initramfs 6.8.0-1 "$pi/initrd.img"
good '1 of 1'

# The package manager is not stopped by any of it.
"$parts/update-hook" 6.1.0 || fail "the hook fails"
