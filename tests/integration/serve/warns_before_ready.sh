# What a newcomer does wrong is said before "ready", or in place of it, with a line that helps where it is typed.
. "$(dirname "$0")/serving.sh"
for program in qemu-img xz zstd bzip2 cpio mtools nbdfuse; do
    command -v "$program" >/dev/null || die "no $program; packaging/install-dependencies test"
done
top=$(dirname "$(readlink -f "$0")")/../../..
cd "$scratch"

image=$scratch/disk.img
make_image one "$image"
# It has said it by the time that it says "ready".
says() { grep -qF -- "$1" "$scratch/serve.err" || die "it does not say '$1'"; }
says_not() { ! grep -qF -- "$1" "$scratch/serve.err" || die "it says '$1' for no reason"; }
# The line to type that belongs to a finding.
fix_of() { sed -n "/\[$1\]/,\$s/.*     fix: //p" "$scratch/serve.err" | head -n 1; }

# A download as it is: its initramfs knows nothing of NBD, and its command line wants a card.
mkdir -p tree/usr/lib/modules/6.6.1-v8/kernel
echo x >tree/usr/lib/modules/6.6.1-v8/modules.dep
(cd tree && find . | cpio --quiet -o -H newc) >initramfs8
echo 'console=tty1 root=PARTUUID=1234-02 rootwait' >cmdline.txt
mcopy -o -i "$image@@1M" initramfs8 cmdline.txt ::
start_serve --interface lo0 --adopt "$image"
for id in cmdline-without-nbdroot initrd-without-nbd-module initrd-without-nbd-client; do says "[$id]"; done
says 'nobody tells Raspberry Pis'
says '[adopt-without-dhcp-proxy]'
says '[interface-missing]'
[[ $(fix_of interface-missing) == *'--interface lo' ]] || die "not the nearest: $(fix_of interface-missing)"
[[ $(fix_of initrd-without-nbd-module) == *'# on the Pi itself'* ]] || die "typed on the server: $(fix_of initrd-without-nbd-module)"
document=$(fix_of initrd-without-nbd-module | grep -o 'docs/[-a-z/]*\.md')
grep -qF "$(fix_of initrd-without-nbd-module | grep -o './bootview-initramfs_[^ ]*')" "$top/$document" || die "$document knows nothing of it"
[[ $(grep -cE '^boot \|.*(\[[a-z-]+\]$|     fix: )' "$scratch/serve.err") -le 10 ]] || die "too many lines"
fix=$(fix_of cmdline-without-nbdroot)
stop_serve
bash -c "$fix" || die "its line fails: $fix"
start_serve "$image"
says_not '[cmdline-without-nbdroot]'
says '[initrd-without-nbd-module]'
says_not '[interface-missing]'
says_not '[adopt-without-dhcp-proxy]'

# Its name is another file's while a client has it.
mkdir client
nbdfuse client/nbd "$nbd" &
client=$!
wait_for 60 test -e client/nbd || die "no NBD client can connect"
cp --sparse=always "$image" new.img
mv new.img "$image"
wait_for 60 grep -q "$image: is another file now" serve.err || die "it does not notice that the image was replaced"
fusermount3 -u client
wait "$client" || true
stop_serve

# refused TEXT ARGUMENT...: with one line that has TEXT in it, which is left in $scratch/line.
refused() {
    local status=0 text=$1
    shift
    timeout 60 "$BOOTVIEW" serve --listen 127.0.0.1 --nbd-port 0 --tftp-port 0 "$@" >out 2>line || status=$?
    [[ $status != 0 && $status != 124 && $(wc -l <line) == 1 ]] || { cat out line; die "status $status: $*"; }
    grep -qF -- "$text" line || { cat line; die "no '$text': $*"; }
    echo "ok: $(cat line)"
}
serves() { start_serve "$1" && stop_serve; }
typed() { bash -c "$1" </dev/null || die "its line fails: $1"; }

make_image one raspios.img
for packing in xz:xz gzip:gz zstd:zst bzip2:bz2; do
    "${packing%:*}" -q -c raspios.img >"a pi.img.${packing#*:}"
    refused "is packed with" "$scratch/a pi.img.${packing#*:}"
    typed "$(sed 's/[^`]*`\([^`]*\)`.*/\1/' line)"
    serves "$scratch/a pi.img"
    rm "a pi.img"
done
qemu-img convert -O qcow2 raspios.img "a pi.qcow2"
refused "is a QCOW2 image" "$scratch/a pi.qcow2"
typed "$(sed 's/.*; type: //' line)"
serves "$scratch/a pi.img"
truncate -s 4M blank.img
refused 'is blank' "$scratch/blank.img"
truncate -s 4M plain.iso
printf '\001CD001' | dd of=plain.iso bs=1 seek=32768 conv=notrunc status=none
refused 'of an installer' "$scratch/plain.iso"
truncate -s 4M windows.img
printf '\353\122\220NTFS    \000\002\010' | dd of=windows.img conv=notrunc status=none
refused 'disk of Windows' "$scratch/windows.img"
mkdir unpacked
mcopy -s -i raspios.img@@1M :: unpacked/
refused "holds the files of a Raspberry Pi's boot partition" "$scratch/unpacked"
cp --sparse=always raspios.img "the other's.img"
refused 'several images are served from a directory' raspios.img "the other's.img"
typed "$(sed "s/.*directory: //; s/ && bootview serve images;.*//" line)"
serves "$scratch/images"
[[ $(ls images) == "raspios.img"$'\n'"the other's.img" ]] || die "not moved: $(ls images)"
