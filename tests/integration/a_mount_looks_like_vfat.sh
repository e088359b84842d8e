# What programs see of a mount: names, sizes, times, owners, modes, errors, as with Linux's vfat. If this
# fails, a tool that works on a mounted boot partition does not work on this one.
source "$(dirname "$0")/functions.sh"
requires mcopy mattrib getfattr setfattr
[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }

m=$scratch/mnt
mkdir "$m" "$scratch/notify"
view=
cleanup 'unmount'
unmount() {
    [ -n "$view" ] || return 0
    kill "$view" && wait "$view"
    view=
}
# mounted SOURCE OPTIONS: mounts it at $m in place of what was there
mounted() {
    unmount
    "$FUSE_FATIMG" -f -o notify="$scratch/notify" ${2:+-o "$2"} "$1" "$m" 2>"$scratch/log" &
    view=$!
    wait_until sh -c "[ \"\$(stat -c %d '$m')\" != '$(stat -c %d "$scratch")' ]"
}
is() { # VALUE EXPECTED WHAT
    [ "$1" = "$2" ] || fail "$3: '$1', not '$2'"
}

head -c 100000 /dev/urandom >"$scratch/big"
TZ=UTC touch -d '2024-02-29 12:34:56' "$scratch/big"
for bits in 12 16 32; do
    image=$scratch/fat$bits.img
    truncate -s 0 "$image"
    if [ $bits = 12 ]; then
        truncate -s 4M "$image" # a FAT without a partition table
        PATH=$PATH:/sbin:/usr/sbin mkfs.vfat -F 12 -n FLOPPY "$image" >/dev/null
        drive=$image
    else
        make_image "$image" $bits
        drive=$image@@1M
    fi
    export MTOOLS_SKIP_CHECK=1
    mmd -i "$drive" ::overlays ::EMPTY.DIR
    echo overlay >"$scratch/o"
    mcopy -i "$drive" "$scratch/o" "::overlays/vc4-kms-dsi-waveshare-panel.dtbo"
    mcopy -i "$drive" "$scratch/o" "::overlays/grüße aus €uropa.txt"
    : >"$scratch/nothing"
    mcopy -i "$drive" "$scratch/nothing" ::empty.txt
    TZ=UTC mcopy -m -i "$drive" "$scratch/big" ::Config.TXT
    mattrib -i "$drive" +r ::Config.TXT

    mounted "$image" "uid=1234,gid=77,fmask=0137,dmask=0027"
    is "$(stat -c '%u:%g %a %s' "$m/Config.TXT")" "1234:77 440 100000" "FAT$bits: a read-only file"
    is "$(stat -c '%u:%g %a' "$m/overlays")" "1234:77 750" "FAT$bits: a directory"
    is "$(TZ=UTC stat -c %y "$m/Config.TXT")" "2024-02-29 12:34:56.000000000 +0000" "FAT$bits: the time"
    cmp "$m/Config.TXT" "$scratch/big"
    cmp "$m/CONFIG.txt" "$scratch/big" || fail "FAT$bits: names differ in case"
    is "$(stat -c %i "$m/CONFIG.TXT")" "$(stat -c %i "$m/config.txt")" "FAT$bits: one file, one inode"
    is "$(cat "$m/overlays/vc4-kms-dsi-waveshare-panel.dtbo")" overlay "FAT$bits: a long name"
    is "$(cat "$m/OVERLAYS/VC4-KM~1.DTB")" overlay "FAT$bits: its short name"
    is "$(cat "$m/overlays/grüße aus €uropa.txt")" overlay "FAT$bits: a name beyond ASCII"
    is "$(ls "$m/overlays" | wc -l)" 2 "FAT$bits: the list"
    is "$(ls -A "$m/EMPTY.DIR" | wc -l)" 0 "FAT$bits: an empty directory"
    is "$(wc -c <"$m/empty.txt")" 0 "FAT$bits: an empty file"
    is "$(find "$m" -type f | wc -l)" "$([ $bits = 12 ] && echo 4 || echo 6)" "FAT$bits: find"
    [ ! -e "$m/BOOT" ] && [ ! -e "$m/FLOPPY" ] || fail "FAT$bits: the label is shown as a file"
    touch "$m/new" 2>"$scratch/error" && fail "FAT$bits: written to"
    grep -q "Read-only file system" "$scratch/error" || fail "FAT$bits: $(cat "$scratch/error")"
    cat "$m/missing" 2>"$scratch/error" && fail "FAT$bits: a missing file was read"
    grep -q "No such file" "$scratch/error" || fail "FAT$bits: $(cat "$scratch/error")"
    cat "$m/Config.TXT/x" 2>"$scratch/error" && fail "FAT$bits: a file is no directory"
    grep -q "Not a directory" "$scratch/error" || fail "FAT$bits: $(cat "$scratch/error")"
    # What mtools counts as free, we do.
    is "$(($(stat -f -c '%S*%f' "$m")))" \
        "$(mdir -i "$drive" :: | sed -n 's/ *\([0-9 ]*\) bytes free/\1/p' | tr -d ' ')" "FAT$bits: free space"
done

# What a file is in its image: the pieces that are named hold its bytes.
attribute() { getfattr --only-values -n "user.bootview.$1" "$2"; }
image=$scratch/fat16.img
mounted "$image"
is "$(attribute short-name "$m/overlays/vc4-kms-dsi-waveshare-panel.dtbo")" VC4-KM~1.DTB "the short name"
is "$(attribute attributes "$m/Config.TXT")" 0x21 "the attributes byte"
is "$(attribute first-cluster "$m/empty.txt")" 0 "the first cluster of an empty file"
[ "$(attribute first-cluster "$m/overlays")" -ge 2 ] || fail "the first cluster of a directory"
for piece in $(attribute extents "$m/Config.TXT"); do
    tail -c +$((${piece%+*} + 1)) "$image" | head -c "${piece#*+}"
done >"$scratch/pieces" || true # head ends before tail
cmp "$scratch/pieces" "$scratch/big" || fail "the extents"
attribute first-cluster "$m" 2>/dev/null && fail "a root has no entry"
[ -n "$(attribute extents "$m")" ] || fail "but it lies somewhere"
# How the volume was left: two marks, which say two things.
is "$(attribute state "$m")" clean "the marks of a volume that was unmounted"
fat=$((1048576 + $(od -An -tu2 -j $((1048576 + 14)) -N 2 "$image") * 512))
for mark in '\xbf:io-error' '\x7f:dirty' '\x3f:dirty io-error' '\xff:clean'; do
    printf "${mark%%:*}" | dd of="$image" bs=1 seek=$((fat + 3)) conv=notrunc status=none
    is "$(attribute state "$m")" "${mark#*:}" "the mark ${mark%%:*}"
done
attribute state "$m/overlays" 2>/dev/null && fail "a directory has no such mark"
setfattr -n user.bootview.short-name -v X "$m/Config.TXT" 2>"$scratch/error" && fail "an attribute was set"
grep -q "Read-only file system" "$scratch/error" || fail "setfattr: $(cat "$scratch/error")"
for command in "chmod 600" "chown 1:1" "rm -f" "touch"; do
    $command "$m/Config.TXT" 2>"$scratch/error" && fail "$command works on a read-only mount"
    grep -q "Read-only file system" "$scratch/error" || fail "$command: $(cat "$scratch/error")"
done

# Bytes beyond ASCII of an 8.3 name mean what the code page says.
printf 'a\n' | mcopy -i "$image@@1M" - ::QQQ.TXT
at=$(LC_ALL=C grep -obUa 'QQQ     TXT' "$image" | head -n 1 | cut -d: -f1)
printf '\217\220\210' | dd of="$image" bs=1 seek="$at" conv=notrunc status=none
mounted "$image" codepage=866
[ -e "$m/ПРИ.TXT" ] || fail "codepage=866: $(ls "$m")"
mounted "$image" codepage=850
[ -e "$m/ÅÉê.TXT" ] || fail "codepage=850: $(ls "$m")"
mounted "$image"
[ -e "$m/ÅÉê.TXT" ] || fail "codepage 437 by default: $(ls "$m")"
printf 'QQQ' | dd of="$image" bs=1 seek="$at" conv=notrunc status=none
mdel -i "$image@@1M" ::QQQ.TXT

mounted "$image" "umask=077,tz=+02:00"
is "$(stat -c %a "$m/cmdline.txt")" 700 "umask"
is "$(TZ=UTC stat -c %y "$m/Config.TXT" | cut -d. -f1)" "2024-02-29 10:34:56" "tz="
mounted "$image" "time_offset=-90"
is "$(TZ=UTC stat -c %y "$m/Config.TXT" | cut -d. -f1)" "2024-02-29 14:04:56" "time_offset="
mattrib -i "$image@@1M" +r ::overlays
mcopy -o -i "$image@@1M" "$scratch/nothing" ::tool.exe
mounted "$image" "umask=0,showexec"
is "$(stat -c %a "$m/tool.exe" "$m/cmdline.txt" "$m/overlays" | xargs)" "777 666 777" "showexec"
mounted "$image" "umask=0,rodir"
is "$(stat -c %a "$m/tool.exe" "$m/cmdline.txt" "$m/overlays" | xargs)" "777 777 555" "rodir"
mdel -i "$image@@1M" ::tool.exe
mounted "$image" direct_io
cmp "$m/Config.TXT" "$scratch/big" || fail "direct_io"
mounted "$image" "partition=all,noauto,_netdev,x-systemd.automount"
is "$(ls "$m")" p1 "partition=all"
cmp "$m/p1/Config.TXT" "$scratch/big" || fail "partition=all"

# The first partition that holds a FAT, by its content and not by its type; GPT, and logical ones.
gpt=$scratch/gpt.img
truncate -s 64M "$gpt"
PATH=$PATH:/sbin:/usr/sbin sgdisk -n 1:2048:+1M -n 3:8192:+40M "$gpt" >/dev/null
PATH=$PATH:/sbin:/usr/sbin mkfs.vfat -F 16 --offset 8192 "$gpt" 40960 >/dev/null 2>&1
mcopy -i "$gpt@@4M" "$scratch/o" ::gpt.txt
mounted "$gpt"
is "$(ls "$m")" gpt.txt "GPT"
mounted "$gpt" partition=3
is "$(ls "$m")" gpt.txt "GPT, by number"
logical=$scratch/logical.img
truncate -s 64M "$logical"
printf 'label: dos\n1: start=2048, size=2048, type=83\n2: start=8192, size=100000, type=5\n5: start=10240, size=80000, type=83\n' |
    PATH=$PATH:/sbin:/usr/sbin sfdisk -q "$logical"
PATH=$PATH:/sbin:/usr/sbin mkfs.vfat -F 16 --offset 10240 "$logical" 40000 >/dev/null 2>&1
mcopy -i "$logical@@5M" "$scratch/o" ::logical.txt
mounted "$logical" partition=5
is "$(ls "$m")" logical.txt "a logical partition"

# A directory of images.
mkdir "$scratch/images"
mv "$gpt" "$logical" "$scratch/images"
mounted "$scratch/images"
is "$(cd "$m" && echo *)" "gpt logical" "a directory of images"
is "$(cat "$m/gpt/gpt.txt" "$m/logical/logical.txt" | xargs)" "overlay overlay" "a directory of images"
unmount
mountpoint -q "$m" && fail "still mounted after SIGTERM"
echo "looks like vfat"
