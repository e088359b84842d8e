# For the scripts beside this one: runs the doctor, finds what it says by id, runs its fix lines, and
# makes images that boot. Sourced.
source "$(dirname "${BASH_SOURCE[0]}")/../functions.sh"
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C MTOOLS_SKIP_CHECK=1
requires jq mcopy mkfs.vfat sfdisk cpio
chmod 755 "$scratch"
image=$scratch/disk.img

# How the doctor is run: words before it, and its arguments. Ports that nobody else has: 0 is always free.
# A fix line may have to run where the doctor ran.
before=() fixing=(bash -c) arguments=(--listen 127.0.0.1 --nbd-port 0 --tftp-port 0)
found=0

# examine [ARGUMENT...]: runs it. Its findings are $scratch/findings, its exit status $status.
examine() {
    status=0
    timeout 120 ${before[@]+"${before[@]}"} "$BOOTVIEW" doctor --json "${arguments[@]}" "$@" \
        >"$scratch/findings" 2>"$scratch/errors" || status=$?
    [ "$status" -le 1 ] || fail "doctor $* ended with $status: $(cat "$scratch/errors")"
    [ ! -s "$scratch/errors" ] || fail "doctor $* says on standard error: $(cat "$scratch/errors")"
}
# said ID MEMBER: of the first finding of that id.
said() { jq -r --arg id "$1" --arg member "$2" 'first(.findings[] | select(.id == $id))[$member] // ""' "$scratch/findings"; }
has() { jq -e --arg id "$1" 'any(.findings[]; .id == $id)' "$scratch/findings" >/dev/null; }
all_said() { jq -r '.findings[] | "\(.severity) \(.id): \(.thing): \(.what)"' "$scratch/findings"; }

# finds SEVERITY ID [WORDS]: the last examination did, and says so by its exit status.
finds() {
    has "$2" || fail "$2 is not found: $(all_said)"
    [ "$(said "$2" severity)" = "$1" ] || fail "$2 is $(said "$2" severity), not $1"
    [ -z "${3-}" ] || [[ "$(said "$2" thing) $(said "$2" what)" == *"$3"* ]] ||
        fail "$2 does not say '$3': $(said "$2" thing): $(said "$2" what)"
    [ "$1" != failure ] || [ "$status" = 1 ] || fail "$2 is a failure, and the exit status is $status"
    found=$((found + 1))
    echo "found: $(said "$2" thing): $(said "$2" what) [$2]"
}
# mends SEVERITY ID ARGUMENT...: finds it, runs the line that it gives, and does not find it again.
mends() {
    local severity=$1 id=$2 fix
    shift 2
    examine "$@"
    finds "$severity" "$id"
    fix=$(said "$id" fix)
    [ -n "$fix" ] || fail "$id has no fix line"
    (cd "$scratch" && "${fixing[@]}" "${fix#sudo }") >"$scratch/fix.log" 2>&1 || true
    examine "$@"
    ! has "$id" || fail "$id is still there after: $fix ($(cat "$scratch/fix.log")): $(all_said)"
    echo "mended: $fix"
}
# sound WHAT: nothing is wrong with the image, whatever this machine lacks.
sound() {
    jq -e 'all(.findings[] | select(.severity == "failure" or .severity == "warning");
        .id | test("^(image|fat|partition|disk|boot|kernel|initrd|modules|cmdline|pi|pxelinux)-") | not)' \
        "$scratch/findings" >/dev/null || fail "$1, and yet: $(all_said)"
}
# no ID: of what must not be there.
no() { ! has "$1" || fail "$1 is found for no reason: $(said "$1" what)"; }

# blank_image FILE: 24 MiB; p1 a FAT of 16 MiB without files, p2 an ext4 with the modules of KERNEL.
kernel=6.1.0-18-test
blank_image() {
    local file=$1
    truncate -s 24M "$file"
    printf 'label: dos\nstart=2048, size=32768, type=c\nstart=34816, type=83\n' | sfdisk -q "$file"
    mkfs.vfat -F 16 -s 2 -n BOOT --offset 2048 "$file" 16384 >/dev/null 2>&1
    mkdir -p "$scratch/root/lib/modules/$kernel"
    truncate -s 7M "$scratch/p2"
    mke2fs -q -F -t ext4 -O ^has_journal -d "$scratch/root" "$scratch/p2"
    dd if="$scratch/p2" of="$file" bs=512 seek=34816 conv=notrunc,sparse status=none
}
put() { mcopy -o -i "$image@@1M" "$1" "::$2"; }           # FILE NAME
write() { printf '%s\n' "${@:2}" >"$scratch/text" && put "$scratch/text" "$1"; } # NAME LINE...
erase() { mdel -i "$image@@1M" "::$1"; }

# make_kernel FILE VERSION: the beginning of an x86 kernel, as far as it tells its version.
make_kernel() {
    head -c 4096 /dev/zero >"$1"
    printf 'HdrS\x0f\x02' | dd of="$1" bs=1 seek=514 conv=notrunc status=none
    printf '\x00\x04' | dd of="$1" bs=1 seek=526 conv=notrunc status=none # at 0x200 + 0x400
    printf '%s (root@test) #1 SMP\0' "$2" | dd of="$1" bs=1 seek=1536 conv=notrunc status=none
}
# make_initramfs FILE VERSION [WITHOUT...]: without module, client, script, bootview.
make_initramfs() {
    local file=$1 version=$2 tree=$scratch/tree
    shift 2
    rm -rf "$tree"
    mkdir -p "$tree/scripts/local-top" "$tree/usr/sbin" "$tree/usr/lib/modules/$version/kernel/drivers/block"
    echo x >"$tree/usr/lib/modules/$version/modules.dep"
    [[ " $* " == *" module "* ]] || echo x >"$tree/usr/lib/modules/$version/kernel/drivers/block/nbd.ko"
    [[ " $* " == *" client "* ]] || echo x >"$tree/usr/sbin/nbd-client"
    [[ " $* " == *" script "* ]] || echo x >"$tree/scripts/local-top/nbd"
    [[ " $* " == *" bootview "* || " $* " == *" script "* ]] || echo x >"$tree/scripts/bootview"
    (cd "$tree" && find . | cpio --quiet -o -H newc) >"$file"
}
# Nobody listens there; and if somebody does, it is not about that.
nbd_port=$((20000 + $$ % 10000))
good_line="ip=dhcp nbdroot=127.0.0.1:$nbd_port/boot root=/dev/nbd0p2"
# good_image: a PC's, that is complete.
good_image() {
    rm -f "$image"
    cp --sparse=always "$scratch/blank.img" "$image"
    put "$scratch/vmlinuz" vmlinuz
    put "$scratch/initrd.gz" initrd.img
    mmd -i "$image@@1M" ::pxelinux.cfg
    echo loader >"$scratch/loader"
    put "$scratch/loader" pxelinux.0
    put "$scratch/loader" ldlinux.c32
    write pxelinux.cfg/default 'DEFAULT linux' 'LABEL linux' '  KERNEL vmlinuz' \
        "  APPEND initrd=initrd.img $good_line"
}
prepare_images() {
    blank_image "$scratch/blank.img"
    make_kernel "$scratch/vmlinuz" "$kernel"
    make_initramfs "$scratch/initrd" "$kernel"
    gzip -c "$scratch/initrd" >"$scratch/initrd.gz"
    good_image
    arguments=(--listen 127.0.0.1 --nbd-port "$nbd_port" --tftp-port 0)
}
