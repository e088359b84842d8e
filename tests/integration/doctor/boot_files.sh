# An image whose files do not boot, or not from here: the doctor says which, and mends what can be.
source "$(dirname "$0")/doctor.sh"
requires debugfs gzip xz zstd lz4
prepare_images

pxelinux() { write pxelinux.cfg/default 'DEFAULT linux' 'LABEL linux' "  KERNEL ${2:-vmlinuz}" "  APPEND initrd=${3:-initrd.img} $1"; }

# Every packing that Debian and Ubuntu have for an initramfs, with microcode before it.
mkdir -p "$scratch/early/kernel/x86/microcode"
echo code >"$scratch/early/kernel/x86/microcode/GenuineIntel.bin"
(cd "$scratch/early" && find kernel | cpio --quiet -o -H newc) >"$scratch/early.cpio"
for packing in cat gzip xz zstd 'lz4 -l'; do
    { cat "$scratch/early.cpio" && $packing <"$scratch/initrd"; } >"$scratch/packed"
    put "$scratch/packed" initrd.img
    examine "$image"
    has boot-files || fail "a good initramfs, packed by $packing: $(all_said)"
    sound "a good initramfs, packed by $packing"
done

# Other boot loaders.
mmd -i "$image@@1M" ::grub
write grub/grub.cfg "menuentry 'x' {" "  linux (pxe)/vmlinuz $good_line" '  initrd (pxe)/nothing.img' '}' \
    "linux http://192.0.2.1/vmlinuz $good_line"
examine "$image"
finds failure initrd-missing nothing.img
finds unchecked boot-entry-elsewhere
good_image
write boot.ipxe '#!ipxe' "kernel nothing $good_line" 'initrd initrd.img'
examine "$image"
finds failure kernel-missing nothing

# Files that are not there.
good_image
erase vmlinuz
examine "$image"
finds failure kernel-missing vmlinuz
: >"$scratch/empty"
put "$scratch/empty" vmlinuz
examine "$image"
finds failure kernel-empty
good_image
erase initrd.img
examine "$image"
finds failure initrd-missing initrd.img
good_image
write pxelinux.cfg/default 'LABEL linux' '  KERNEL vmlinuz' "  APPEND $good_line"
examine "$image"
finds failure initrd-not-named
good_image
erase pxelinux.cfg/default
examine "$image"
finds failure pxelinux-configuration-missing
finds failure boot-configuration-missing
good_image
erase ldlinux.c32
examine "$image"
finds failure pxelinux-incomplete
write pxelinux.cfg/default 'UI menu.c32' 'LABEL linux' '  KERNEL vmlinuz' "  APPEND initrd=initrd.img $good_line"
examine "$image"
finds failure pxelinux-module-missing menu.c32

# Files that do not go together.
good_image
make_initramfs "$scratch/other" 6.1.0-17-test
put "$scratch/other" initrd.img
examine "$image"
finds failure initrd-other-kernel 6.1.0-17-test
for missing in module:initrd-without-nbd-module client:initrd-without-nbd-client script:initrd-without-nbd-script; do
    make_initramfs "$scratch/other" "$kernel" "${missing%:*}"
    put "$scratch/other" initrd.img
    examine "$image"
    finds failure "${missing#*:}"
done
make_initramfs "$scratch/other" "$kernel" bootview
put "$scratch/other" initrd.img
examine "$image"
finds warning initrd-stock-client
(cd "$scratch" && mkdir -p static/usr/sbin static/scripts/local-top && cp "$scratch/loader" static/usr/sbin/nbd-client &&
    cp "$scratch/loader" static/scripts/local-top/nbd && cd static && find . | cpio --quiet -o -H newc) >"$scratch/other"
put "$scratch/other" initrd.img
examine "$image"
finds unchecked initrd-nbd-module-unknown
head -c 300 "$scratch/initrd.gz" >"$scratch/cut"
put "$scratch/cut" initrd.img
examine "$image"
finds failure initrd-damaged
# Whoever looks without the program that unpacks it must not call it damaged.
zstd -q -c "$scratch/initrd" >"$scratch/packed"
put "$scratch/packed" initrd.img
put "$scratch/packed" initrd2.img
write pxelinux.cfg/01-52-54-00-12-34-56 'DEFAULT linux' 'LABEL linux' '  KERNEL vmlinuz' \
    "  APPEND initrd=initrd2.img $good_line"
if can_remount "a machine without zstd"; then
    before=(unshare -m bash -c 'mount --bind /dev/null "$(command -v zstd)" && exec "$@"' -)
    examine "$image"
    finds unchecked initrd-not-unpackable
    [ "$(grep -c '"initrd-not-unpackable"' "$scratch/findings")" = 1 ] || fail "one program is missing: $(all_said)"
    no initrd-damaged
    before=()
fi
good_image
make_kernel "$scratch/newer" 6.1.0-19-test
make_initramfs "$scratch/other" 6.1.0-19-test
put "$scratch/newer" vmlinuz
put "$scratch/other" initrd.img
examine "$image"
finds failure modules-missing 6.1.0-19-test
if can_remount "a machine without debugfs"; then
    before=(unshare -m bash -c 'mount --bind /dev/null "$(command -v debugfs)" && exec "$@"' -)
    examine "$image"
    finds unchecked modules-not-checked debugfs
    no modules-missing
    before=()
fi
good_image
head -c 14848K /dev/zero >"$scratch/filler"
put "$scratch/filler" filler
{ cat "$scratch/vmlinuz" && head -c 1M /dev/zero; } >"$scratch/large"
put "$scratch/large" vmlinuz
examine "$image"
finds warning boot-partition-full

# Command lines.
good_image
pxelinux "ip=dhcp root=/dev/sda2"
mends failure cmdline-without-nbdroot "$image"
no cmdline-without-root
pxelinux "ip=dhcp nbdroot=127.0.0.1:$nbd_port/boot"
mends failure cmdline-without-root "$image"
pxelinux "nbdroot=127.0.0.1:$nbd_port/boot root=/dev/nbd0p2"
mends warning cmdline-without-ip "$image"
pxelinux "ip=dhcp nbdroot=192.0.2.1:$nbd_port/boot root=/dev/nbd0p2"
mends failure cmdline-other-server "$image"
pxelinux "ip=dhcp nbdroot=127.0.0.1,boot,nbd0 root=/dev/nbd0p2"
mends failure cmdline-other-port "$image"
pxelinux "ip=dhcp nbdroot=server.example/boot root=/dev/nbd0p2"
mends failure cmdline-nbdroot-malformed "$image"
pxelinux "ip=dhcp nbdroot=127.0.0.1:$nbd_port/boot root=/dev/nbd0p7"
examine "$image"
finds failure cmdline-root-partition-missing /dev/nbd0p7
# What PXELINUX appends itself.
write pxelinux.cfg/default 'LABEL linux' '  KERNEL vmlinuz' '  IPAPPEND 3' \
    "  APPEND initrd=initrd.img nbdroot=127.0.0.1:$nbd_port/boot root=/dev/nbd0p2"
examine "$image"
sound "PXELINUX appends ip="
# Without any that boots from NBD, what else is missing is said too.
erase initrd.img
pxelinux "root=/dev/sda1"
examine "$image"
finds failure cmdline-without-nbdroot
finds failure initrd-missing
put "$scratch/initrd.gz" initrd.img
# In a directory, exports have names.
mkdir "$scratch/images"
mv "$image" "$scratch/images/jammy.img"
image=$scratch/images/jammy.img
pxelinux "ip=dhcp nbdroot=127.0.0.1:$nbd_port/bookworm root=/dev/nbd0p2"
mends failure cmdline-unknown-export "$scratch/images"
pxelinux "ip=dhcp nbdroot=127.0.0.1:$nbd_port/jammy.img root=/dev/nbd0p2" # the whole name of the file will do
examine "$scratch/images"
no cmdline-unknown-export
no cmdline-other-export
pxelinux "ip=dhcp nbdroot=127.0.0.1:$nbd_port root=/dev/nbd0p2"
mends failure cmdline-without-export "$scratch/images"
cp --sparse=always "$image" "$scratch/images/other.img"
mends warning cmdline-other-export "$scratch/images"
image=$scratch/disk.img

# A Raspberry Pi's.
pi_image() {
    cp --sparse=always "$scratch/blank.img" "$image"
    put "$scratch/vmlinuz" kernel8.img
    put "$scratch/initrd.gz" initramfs8
    put "$scratch/loader" start4.elf
    put "$scratch/loader" fixup4.dat
    write config.txt 'arm_64bit=1' 'auto_initramfs=1' '[none]' 'kernel=nonsense.img' '[all]'
    write cmdline.txt "$good_line"
}
pi_image
examine "$image"
has boot-files || fail "a good image of a Pi: $(all_said)"
sound "a good image of a Pi"
put "$scratch/loader" pieeprom.upd
mends warning pi-eeprom-update "$image"
write config.txt 'initramfs=initramfs8 followkernel'
mends failure pi-initramfs-line "$image"
write config.txt 'arm_64bit=1'
mends failure initrd-not-named "$image"
write cmdline.txt "console=tty1" "$good_line"
mends failure pi-cmdline-lines "$image"
has boot-files || fail "the mended image of a Pi: $(all_said)"
erase cmdline.txt
examine "$image"
finds failure pi-cmdline-missing
write cmdline.txt "console=tty1 root=PARTUUID=1234-02 rootwait"
mends failure cmdline-without-nbdroot "$image"
erase fixup4.dat
examine "$image"
finds warning pi-fixup-missing
erase start4.elf
examine "$image"
finds failure pi-firmware-missing
write config.txt 'kernel=vmlinuz'
examine "$image"
finds failure kernel-missing
# More than 65535 blocks of 1468 bytes need a larger partition.
large=$scratch/large.img
truncate -s 130M "$large"
printf 'label: dos\nstart=2048, size=245760, type=c\nstart=247808, type=83\n' | sfdisk -q "$large"
mkfs.vfat -F 16 -s 8 --offset 2048 "$large" 122880 >/dev/null 2>&1
truncate -s 97M "$scratch/huge"
image=$large
put "$scratch/loader" start4.elf
put "$scratch/loader" fixup4.dat
put "$scratch/vmlinuz" kernel8.img
put "$scratch/huge" initramfs8
rm "$scratch/huge"
write config.txt 'auto_initramfs=1'
write cmdline.txt "$good_line"
examine "$image"
finds warning pi-file-too-large 65535
echo "$found findings"
