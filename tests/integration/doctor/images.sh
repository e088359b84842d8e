# An image that can't be served, or not for long: the doctor finds out why.
source "$(dirname "$0")/doctor.sh"
requires xz zstd mke2fs fsck.vfat python3 qemu-img
prepare_images

examine "$image"
sound "a good image"
has boot-files || fail "a good image does not boot: $(all_said)"

# What is no image.
examine "$scratch/none.img"
finds failure image-missing
: >"$scratch/empty.img"
examine "$scratch/empty.img"
finds failure image-empty
head -c 1M /dev/zero >"$scratch/zeros.img"
examine "$scratch/zeros.img"
finds failure image-without-partition-table 'is blank'
for packing in gzip:gz xz:xz zstd:zst; do
    packed=$scratch/packed.${packing#*:}
    "${packing%:*}" -q -c "$image" >"$packed"
    examine "$packed"
    finds failure image-packed "${packing%:*}"
    bash -c "$(said image-packed fix)" >/dev/null 2>&1 || fail "its line fails: $(said image-packed fix)"
    examine "$scratch/packed" # it lies beside, without the suffix
    sound "what ${packing%:*} had packed"
    rm "$packed" "$scratch/packed"
done
# In a directory: what was unpacked already, and what is no image, is nothing to complain of.
mkdir "$scratch/images"
cp --sparse=always "$image" "$scratch/images/boot.img"
xz -0 -c "$image" >"$scratch/images/boot.img.xz"
echo "What lies here" >"$scratch/images/README"
cp --sparse=always "$image" "$scratch/images/boot.img.bak"
examine "$scratch/images"
sound "an image and what lies beside it"
mv "$scratch/images/boot.img.xz" "$scratch/images/other.img.xz"
: >"$scratch/images/empty.img"
examine "$scratch/images"
finds failure image-packed other.img.xz
finds failure image-empty
rm -r "$scratch/images"

# Of another format: converted beside it, and over nothing.
mkdir "$scratch/a place"
for format in qcow2 vdi vmdk vhdx; do
    qemu-img convert -O "$format" "$image" "$scratch/a place/disk.$format"
    examine "$scratch/a place/disk.$format"
    finds failure image-format qemu-nbd
    bash -c "$(said image-format fix)" || fail "its line fails: $(said image-format fix)"
done
[ "$(ls "$scratch/a place")" = "$(printf '%s\n' disk.{img,qcow2,vdi,vdi.img,vhdx,vhdx.img,vmdk,vmdk.img})" ] ||
    fail "not beside each: $(ls "$scratch/a place")"
for converted in "$scratch/a place"/*.img; do
    examine "$converted"
    sound "$converted"
done

# What is no disk with a Linux on it: an installer's ISO, also one that is made for USB sticks; Windows.
truncate -s 4M "$scratch/plain.iso"
printf '\001CD001' | dd of="$scratch/plain.iso" bs=1 seek=32768 conv=notrunc status=none
examine "$scratch/plain.iso"
finds failure image-installer
printf '\001CD001' | dd of="$image" bs=1 seek=32768 conv=notrunc status=none
cp "$image" "$scratch/the hybrid.iso"
good_image
examine "$scratch/the hybrid.iso"
finds failure image-installer
mkdir "$scratch/stub"
# shellcheck disable=SC2016 # of the stub
printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"$(dirname "$0")/arguments"\n' >"$scratch/stub/qemu-system-x86_64"
chmod 755 "$scratch/stub/qemu-system-x86_64"
PATH=$scratch/stub:$PATH bash -c "$(said image-installer fix)" || fail "its line fails: $(said image-installer fix)"
grep -qxF "$scratch/the hybrid.iso" "$scratch/stub/arguments" || fail "not that ISO: $(cat "$scratch/stub/arguments")"
grep -qxF "file=$scratch/the hybrid.img,format=raw,if=virtio" "$scratch/stub/arguments" || fail "not onto a new image"
truncate -s 24M "$scratch/windows.img"
printf 'label: gpt\nsize=16384, type=U\nsize=2048, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE\nsize=8192\n' |
    sfdisk -q "$scratch/windows.img"
examine "$scratch/windows.img"
finds failure image-windows 'partition 2'
printf '\353\130\220-FVE-FS-' | dd of="$scratch/windows.img" bs=512 seek=20480 conv=notrunc status=none
sfdisk -q --delete "$scratch/windows.img" 2
examine "$scratch/windows.img"
finds failure image-windows BitLocker
rm "$scratch/windows.img"
truncate -s 24M "$scratch/windows.img"
printf 'label: dos\nstart=2048, type=7\n' | sfdisk -q "$scratch/windows.img"
printf '\353\122\220NTFS    \000\002\010' | dd of="$scratch/windows.img" bs=512 seek=2048 conv=notrunc status=none
examine "$scratch/windows.img"
finds failure image-windows 'partition 1 is NTFS'

# The files of an image, in place of it.
mkdir "$scratch/unpacked"
mcopy -s -i "$image@@1M" :: "$scratch/unpacked/"
examine "$scratch/unpacked"
finds failure images-unpacked pxelinux
cp --sparse=always "$image" "$scratch/unpacked/"
examine "$scratch/unpacked"
no images-unpacked
rm "$scratch/unpacked/disk.img"

# What is only part of one.
truncate -s 20M "$image" # the second partition reaches past the end
examine "$image"
finds failure image-truncated 'partition 2'
truncate -s 9M "$image"
examine "$image"
finds failure image-truncated
# A FAT that is longer than its partition is no truncated image: whether that matters, files tell.
good_image
echo ', 32767' | sfdisk -q -N 1 --no-reread "$image" 2>/dev/null
mends warning fat-longer-than-partition "$image"
sound "a partition as long as its FAT"
good_image
echo ', 172' | sfdisk -q -N 1 --no-reread "$image" 2>/dev/null
mends failure fat-longer-than-partition "$image"
sound "a partition as long as its FAT again"
dd if="$image" of="$scratch/bare.img" bs=512 skip=2048 count=32767 status=none
mends warning fat-longer-than-image "$scratch/bare.img"
truncate -s 86K "$scratch/bare.img"
examine "$scratch/bare.img"
finds failure image-truncated 'its FAT reaches'
rm "$scratch/bare.img"
# A FAT that boots stands after one that does not, as the recovery system of PINN has it.
truncate -s 24M "$scratch/pinn.img"
printf 'label: dos\nstart=2048, size=8192, type=c\nstart=10240, size=32768, type=c\n' | sfdisk -q "$scratch/pinn.img"
mkfs.vfat -F 12 --offset 2048 "$scratch/pinn.img" 4096 >/dev/null 2>&1
dd if="$scratch/blank.img" of="$scratch/pinn.img" bs=512 skip=2048 seek=10240 count=32768 conv=notrunc,sparse status=none
mcopy -i "$scratch/pinn.img@@1M" "$scratch/text" ::recovery.elf
mcopy -i "$scratch/pinn.img@@5M" "$scratch/vmlinuz" ::vmlinuz
examine "$scratch/pinn.img"
finds warning boot-partition-other 'view-options = ["partition=2"]'
examine -o partition=2 "$scratch/pinn.img"
no boot-partition-other
rm "$scratch/pinn.img"
good_image
printf x >>"$image"
mends warning image-size-odd "$image"
good_image
python3 - "$image" <<'END'
import sys
with open(sys.argv[1], "r+b") as disk:
    disk.seek((1 << 20) + 37) # the state that Linux sets at a mount
    disk.write(b"\x01")
END
mends warning fat-dirty "$image"
good_image
fat=$((1048576 + $(od -An -tu2 -j $((1048576 + 14)) -N 2 "$image") * 512))
printf '\xbf' | dd of="$image" bs=1 seek=$((fat + 3)) conv=notrunc status=none
examine "$image"
finds warning fat-io-error "a disk failed"
no fat-dirty
good_image
python3 - "$image" <<'END'
import struct, sys
with open(sys.argv[1], "r+b") as disk:
    base = 1 << 20
    disk.seek(base)
    sector = disk.read(512)
    reserved, copies, entries = sector[14] | sector[15] << 8, sector[16], sector[17] | sector[18] << 8
    length = struct.unpack("<H", sector[22:24])[0]
    disk.seek(base + (reserved + copies * length) * 512)
    root = disk.read(entries * 32)
    first = next(struct.unpack("<H", root[i + 26:i + 28])[0] for i in range(0, len(root), 32)
                 if root[i:i + 11] == b"INITRD  IMG" or root[i:i + 7] == b"VMLINUZ")
    for copy in range(copies): # its second cluster is beyond the volume
        disk.seek(base + (reserved + copy * length) * 512 + first * 2)
        disk.write(struct.pack("<H", 0xfff0))
END
mends failure fat-damaged "$image"
# The partition that is served may be another.
good_image
examine -o partition=2 "$image"
finds failure image-without-fat 'partition 2'
cp --sparse=always "$scratch/blank.img" "$image"
examine "$image"
finds warning fat-empty
truncate -s 24M "$scratch/gpt.img"
printf 'label: gpt\nstart=2048, size=32768, type=U\n' | sfdisk -q "$scratch/gpt.img"
mkfs.vfat -F 16 -s 2 --offset 2048 "$scratch/gpt.img" 16384 >/dev/null 2>&1
truncate -s 30M "$scratch/gpt.img" # its backup is no longer at the end
if command -v sgdisk >/dev/null; then
    mends warning partition-table-damaged "$scratch/gpt.img"
fi

truncate -s 24M "$scratch/none-yet.img"
printf 'label: dos\nstart=2048, size=32768, type=c\nstart=34816, type=83\n' | sfdisk -q "$scratch/none-yet.img"
mends failure image-without-fat "$scratch/none-yet.img"
sfdisk -q --part-type "$scratch/none-yet.img" 1 83
dd if=/dev/zero of="$scratch/none-yet.img" bs=1M seek=1 count=1 conv=notrunc status=none
examine "$scratch/none-yet.img"
finds failure image-without-fat

# as_file FILE ARGUMENT...: there nbdfuse shows an NBD server's disk.
as_file() {
    local file=$1 options=()
    shift
    while [[ ${1-} == --readonly ]]; do options+=("$1") && shift; done
    : >"$file"
    timeout 60 nbdfuse "${options[@]}" "$file" "$@" </dev/null >/dev/null 2>&1 &
    cleanup "umount -l $file || fusermount3 -u -z $file"
    wait_until test -s "$file"
}

# Who may, and who else does.
good_image
touch -d '+3 days' "$image"
examine "$image"
finds warning clock-implausible "$image"
good_image
sleep 1000 9<>"$image" &
holder=$!
cleanup "kill $holder"
wait_until test -e "/proc/$holder/fd/9"
mends failure image-busy "$image"
if [ "$(id -u)" = 0 ] && loop=$(losetup --find --show "$image" 2>/dev/null); then
    cleanup "losetup -d $loop"
    mends failure image-on-loop "$image"
fi
if [ -e /dev/fuse ] && command -v nbdkit nbdfuse >/dev/null; then
    nbdkit --foreground --unix "$scratch/served.sock" file "$image" </dev/null >/dev/null 2>&1 &
    holder=$!
    cleanup "kill $holder"
    wait_until test -S "$scratch/served.sock"
    as_file "$scratch/client.img" "nbd+unix:///?socket=$scratch/served.sock"
    examine "$image" # which nbdkit has opened for this client
    finds fine image-served nbdkit
    no image-busy
    examine "$scratch/client.img" # FUSE, without a word about its room
    finds unchecked room-unknown
    no disk-full
    # The name is another file's, and the client has the old one: two ways to come there.
    cp --sparse=always "$image" "$scratch/new.img"
    mv "$scratch/new.img" "$image"
    examine "$image"
    finds failure image-replaced "$holder"
    # A disk that does not answer as it should.
    as_file "$scratch/failing.img" --readonly --command nbdkit -s --filter=error memory 24M error-pread-rate=100%
    examine "$scratch/failing.img"
    finds failure image-broken
    for file in client failing; do fusermount3 -u "$scratch/$file.img"; done
    kill "$holder"
    wait "$holder" || true
fi
mkdir "$scratch/many"
examine "$scratch/many"
finds warning images-none
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$BOOTVIEW"; then
    before=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    mkdir "$scratch/closed"
    mv "$image" "$scratch/closed/disk.img"
    chmod 600 "$scratch/closed/disk.img"
    chmod 700 "$scratch/closed"
    mends failure image-directory-closed "$scratch/closed/disk.img"
    mends failure image-unreadable "$scratch/closed/disk.img"
    mends warning image-read-only "$scratch/closed/disk.img"
    mv "$scratch/closed/disk.img" "$image"
    before=()
fi
if can_remount "file systems that are full, or can't be written"; then
    good_image
    mkdir "$scratch/fixed"
    before=(unshare -m bash -c 'mount -t tmpfs none "$1" && cp --sparse=always "$2" "$1/disk.img" &&
        mount -o remount,ro "$1" && shift 2 && exec "$@"' - "$scratch/fixed" "$image")
    examine "$scratch/fixed/disk.img"
    finds warning image-file-system-read-only
    no image-read-only
    mkdir "$scratch/small"
    before=(unshare -m bash -c 'mount -t tmpfs -o size=4m none "$1" && truncate -s 24M "$1/disk.img" &&
        dd if="$2" of="$1/disk.img" bs=1M count=2 conv=notrunc,sparse status=none && shift 2 && exec "$@"' - "$scratch/small" "$image")
    examine "$scratch/small/disk.img"
    finds failure disk-full 'MiB'
    before[4]=${before[4]/size=4m/size=20m}
    examine "$scratch/small/disk.img"
    finds warning disk-nearly-full 'MiB'

    # On the lower layer of an overlay, until it is written to.
    mkdir "$scratch/lower" "$scratch/layers" "$scratch/merged"
    cp --sparse=always "$image" "$scratch/lower/disk.img"
    if unshare -m bash -c 'mount -t tmpfs none "$1" && mkdir "$1/upper" "$1/work" &&
        mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" none "$3"' - \
        "$scratch/layers" "$scratch/lower" "$scratch/merged" 2>/dev/null; then
        before=(unshare -m bash -c 'mount -t tmpfs none "$1" && mkdir "$1/upper" "$1/work" &&
            mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" none "$3" && eval "$4" && shift 4 && exec "$@"' - \
            "$scratch/layers" "$scratch/lower" "$scratch/merged" true)
        examine "$scratch/merged/disk.img"
        finds warning image-on-overlay
        before[9]=$(said image-on-overlay fix)
        examine "$scratch/merged/disk.img"
        no image-on-overlay
    fi

    # Where the service has its images: its user has to be able to.
    mkdir -p "$scratch/lib/bootview/images"
    mv "$image" "$scratch/lib/bootview/images/"
    { cat /etc/passwd && echo 'bootview:x:64321:64321::/:/bin/false'; } >"$scratch/passwd"
    { cat /etc/group && echo 'bootview:x:64321:'; } >"$scratch/group"
    # shellcheck disable=SC2016 # of the shell in there
    there='for file in passwd group; do mount --bind "$0/$file" /etc/$file; done; mount --bind "$0/lib" /var/lib; exec "$@"'
    before=(unshare -m bash -c "$there" "$scratch")
    fixing=(unshare -m bash -c "$there" "$scratch" bash -c)
    of_service=/var/lib/bootview/images/disk.img
    chmod 600 "$scratch/lib/bootview/images/disk.img"
    mends failure image-not-of-service "$of_service"
    chmod 400 "$scratch/lib/bootview/images/disk.img"
    mends warning image-read-only "$of_service"
    before=() fixing=(bash -c)
fi
echo "$found findings"
