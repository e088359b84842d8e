# fuse-fatimg --list says what is in an image: held against sfdisk and blkid. If this fails, somebody
# mounts the wrong partition, or does not find out why none can be.
source "$(dirname "$0")/functions.sh"
PATH=$PATH:/sbin:/usr/sbin
requires sfdisk sgdisk mke2fs mkfs.vfat mkswap mlabel python3 blkid

list() { "$FUSE_FATIMG" --list "$@"; }
# member IMAGE EXPRESSION: of the JSON, as Python sees it
member() {
    { list --json "$1" || true; } | python3 -c 'import json,sys; d=json.load(sys.stdin); p=d["partitions"]
by={x["number"]: x for x in p}
print(eval(sys.argv[1]))' "$2"
}
is() { # IMAGE EXPRESSION EXPECTED
    local got
    got=$(member "$1" "$2")
    [ "$got" = "$3" ] || fail "$1: $2 is '$got', not '$3'"
}
says() { # STATUS WORDS ARGUMENTS...
    local status=0
    list "${@:3}" >"$scratch/out" 2>&1 || status=$?
    [ "$status" = "$1" ] || fail "exit status $status, not $1: --list ${*:3}: $(cat "$scratch/out")"
    grep -qF -- "$2" "$scratch/out" || fail "does not say '$2': $(cat "$scratch/out")"
}
# part IMAGE START SIZE COMMAND...: makes a file system (sectors)
part() {
    truncate -s $(($3 * 512)) "$scratch/part"
    "${@:4}" "$scratch/part" >/dev/null 2>&1
    dd if="$scratch/part" of="$1" bs=512 seek="$2" conv=notrunc,sparse status=none
    rm "$scratch/part"
}
# What sfdisk and blkid say of the same image must be what we say.
compare() {
    sfdisk --json "$1" >"$scratch/sfdisk.json"
    list --json "$1" >"$scratch/ours.json"
    python3 - "$1" "$scratch" <<'END'
import json, subprocess, sys
image, scratch = sys.argv[1:]
theirs = json.load(open(scratch + "/sfdisk.json"))["partitiontable"]
ours = json.load(open(scratch + "/ours.json"))
assert ours["table"] == {"dos": "mbr", "gpt": "gpt"}[theirs["label"]], ours["table"]
assert ours["table_uuid"] == theirs["id"].removeprefix("0x").lower(), ours["table_uuid"]
by = {p["number"]: p for p in ours["partitions"]}
assert len(by) == len(theirs["partitions"]), by.keys()
for part in theirs["partitions"]:
    number = int(part["node"].removeprefix(image))
    our = by[number]
    assert our["start"] == part["start"] * 512 and our["size"] == part["size"] * 512, our
    assert int(our["type"], 16) == int(part["type"], 16) if theirs["label"] == "dos" \
        else our["type"] == part["type"].lower(), our
    assert our["partuuid"] == part.get("uuid", our["partuuid"]).lower(), our
    assert (our["partlabel"] or "") == part.get("name", ""), our
    if our["filesystem"] == "extended":
        continue
    probed = subprocess.run(["blkid", "-p", "-o", "export", "-O", str(our["start"]), "-S",
                             str(our["size"]), image], capture_output=True, text=True).stdout
    tags = dict(line.split("=", 1) for line in probed.splitlines())
    names = {"vfat": ["FAT12", "FAT16", "FAT32"], "crypto_LUKS": ["LUKS"], "LVM2_member": ["LVM2"]}
    kind = tags.get("TYPE", "unknown")
    assert our["filesystem"] in names.get(kind, [kind]), (our, tags)
    assert (our["uuid"] or "") == tags.get("UUID", ""), (our, tags)
    assert (our["label"] or "") == tags.get("LABEL", "").strip("\\"), (our, tags)
END
}

mbr=$scratch/mbr.img
truncate -s 200M "$mbr"
sfdisk -q "$mbr" <<'END'
label: dos
label-id: 0x1badcafe
1: start=2048, size=20480, type=83
2: start=22528, size=81920, type=c
4: start=106496, size=200000, type=f
5: start=108544, size=40960, type=82
6: start=151552, size=40960, type=83
7: start=194560, size=80000, type=c
END
part "$mbr" 2048 20480 mke2fs -q -F -t ext4 -L root
part "$mbr" 22528 81920 mkfs.vfat -F 16 -n BOOT
part "$mbr" 108544 40960 mkswap -q -L swap
part "$mbr" 151552 40960 mke2fs -q -F -t ext2
part "$mbr" 194560 80000 mkfs.vfat -F 32 -s 1 -i 00abcdef
compare "$mbr"
is "$mbr" '[x["number"] for x in p if x["shown"]]' "[2]"
is "$mbr" 'by[2]["dirty"], by[5]["dirty"], by[7]["filesystem"], by[7]["uuid"]' \
    "(False, None, 'FAT32', '00AB-CDEF')"
is "$mbr" 'd["remarks"], d["refusal"]' "([], None)"
is "$mbr" 'by[2]["type_name"]' "W95 FAT32 (LBA)"
says 0 "* " "$mbr"
grep -qE '^\* +2 +11534336 +41943040  0c W95 FAT32 \(LBA\) +FAT16 +BOOT +[0-9A-F]{4}-[0-9A-F]{4} +clean$' \
    "$scratch/out" || fail "the table: $(cat "$scratch/out")"

# Both marks of a FAT that was not taken leave of: Linux's, and that of Windows.
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
cp --sparse=always "$mbr" "$scratch/dirty.img"
poke "$scratch/dirty.img" $((22528 * 512 + 0x25)) '\x01'
poke "$scratch/dirty.img" $((194560 * 512 + 0x41)) '\x01'
is "$scratch/dirty.img" 'by[2]["dirty"], by[7]["dirty"]' "(True, True)"
cp --sparse=always "$mbr" "$scratch/dirty.img"
reserved() { od -An -tu2 -j $(($1 * 512 + 14)) -N 2 "$mbr" | tr -d ' '; }
poke "$scratch/dirty.img" $(((22528 + $(reserved 22528)) * 512 + 3)) '\x7f'
poke "$scratch/dirty.img" $(((194560 + $(reserved 194560)) * 512 + 7)) '\x07'
is "$scratch/dirty.img" 'by[2]["dirty"], by[7]["dirty"]' "(True, True)"
is "$scratch/dirty.img" 'by[2]["io_error"], by[7]["io_error"], by[5]["io_error"]' "(False, False, None)"
# Another one: the disk failed. That is no unmount that was forgotten.
cp --sparse=always "$mbr" "$scratch/failed.img"
poke "$scratch/failed.img" $(((22528 + $(reserved 22528)) * 512 + 3)) '\xbf'
poke "$scratch/failed.img" $(((194560 + $(reserved 194560)) * 512 + 7)) '\x0b'
is "$scratch/failed.img" '[(by[n]["dirty"], by[n]["io_error"]) for n in (2, 7)]' "[(False, True), (False, True)]"
says 0 "  I/O error" "$scratch/failed.img"

gpt=$scratch/gpt.img
truncate -s 100M "$gpt"
sfdisk -q "$gpt" <<'END'
label: gpt
1: start=2048, size=40960, type=U, name="EFI system"
3: start=65536, size=81920
END
part "$gpt" 2048 40960 mkfs.vfat -F 16 -n "ESP"
part "$gpt" 65536 81920 mke2fs -q -F -t ext3 -L data
compare "$gpt"
says 0 "EFI System" "$gpt"
# Damage is said, with words that mend it.
cp --sparse=always "$gpt" "$scratch/damaged.img"
poke "$scratch/damaged.img" 600 XXXX
says 0 "the primary GPT is damaged" "$scratch/damaged.img"
is "$scratch/damaged.img" 'len(d["remarks"]), len(p)' "(1, 2)"
sgdisk -e "$scratch/damaged.img" >/dev/null 2>&1
is "$scratch/damaged.img" 'd["remarks"]' "[]"
truncate -s 120M "$scratch/damaged.img"
says 0 "has grown" "$scratch/damaged.img"
sgdisk -e "$scratch/damaged.img" >/dev/null 2>&1
is "$scratch/damaged.img" 'd["remarks"]' "[]"
poke "$scratch/damaged.img" $((120 * 1048576 - 500)) XXXX
says 0 "the backup GPT is damaged" "$scratch/damaged.img"
sgdisk -e "$scratch/damaged.img" >/dev/null 2>&1
is "$scratch/damaged.img" 'd["remarks"]' "[]"
poke "$scratch/damaged.img" 600 XXXX
poke "$scratch/damaged.img" $((120 * 1048576 - 500)) XXXX
says 1 "both copies are damaged" "$scratch/damaged.img"

# A FAT that is longer than its partition, or than the image, is listed with what of it is missing.
longer=$scratch/longer.img
truncate -s 30M "$longer"
sfdisk -q "$longer" <<<"2048,40959"
part "$longer" 2048 40960 mkfs.vfat -F 16
says 0 "the FAT of partition 1 reaches 512 bytes past the end of the partition, where no file lies" "$longer"
is "$longer" 'p[0]["shown"], p[0]["missing"]' "(True, {'bytes': 512, 'ends': 'partition', 'holds_files': False})"
truncate -s 20M "$longer"
is "$longer" 'p[0]["missing"]["ends"], d["remarks"]' "('image', [])"
grep -q "copy it again" <(list "$longer") && fail "an image without loss is called truncated"
head -c 19M /dev/urandom >"$scratch/file"
truncate -s 30M "$longer"
MTOOLS_SKIP_CHECK=1 mcopy -i "$longer@@1M" "$scratch/file" ::
truncate -s 19M "$longer"
says 0 "files lie there: the image is truncated, copy it again" "$longer"

# Which FAT boots: the first is shown, whatever is in it; if that does not boot and another does, it is said.
empty_file() { : >"$scratch/nothing" && MTOOLS_SKIP_CHECK=1 mcopy -i "$1@@$(($2 * 512))" "$scratch/nothing" "::$3"; }
pinn=$scratch/pinn.img
truncate -s 60M "$pinn"
sfdisk -q "$pinn" <<'END'
label: dos
1: start=2048, size=20480, type=c
2: start=24576, size=90000, type=5
5: start=26624, size=20480, type=c
6: start=49152, size=20480, type=83
END
part "$pinn" 2048 20480 mkfs.vfat -F 16 -n RECOVERY
part "$pinn" 26624 20480 mkfs.vfat -F 16 -n boot
is "$pinn" 'd["better_partition"]' None # neither boots
for file in bootcode.bin recovery.elf recovery.img start.elf config.txt; do empty_file "$pinn" 2048 $file; done
empty_file "$pinn" 26624 kernel8.img
says 0 'partition 1, which is shown, has nothing to boot from, and partition 5 has: -o partition=5 shows that, view-options = ["partition=5"]' "$pinn"
is "$pinn" 'd["better_partition"], by[1]["shown"], by[5]["shown"]' "(5, True, False)"
list -o partition=5 "$pinn" | grep -q "which is shown" && fail "still a hint, though the user chose"
if [ -w /dev/fuse ]; then
    mkdir "$scratch/mnt"
    "$FUSE_FATIMG" -f "$pinn" "$scratch/mnt" 2>"$scratch/log" &
    view=$!
    cleanup 'kill $view; wait $view'
    wait_until grep -q "mounted at" "$scratch/log"
    grep -q "partition 5 has: -o partition=5" "$scratch/log" || fail "no hint in the log: $(cat "$scratch/log")"
    kill $view
    wait $view
fi
# An EFI system partition boots PCs; a board has nothing from it.
hybrid=$scratch/hybrid.img
cp --sparse=always "$pinn" "$hybrid"
part "$hybrid" 2048 20480 mkfs.vfat -F 16 -n ESP
MTOOLS_SKIP_CHECK=1 mmd -i "$hybrid@@1M" ::EFI ::EFI/BOOT
empty_file "$hybrid" 2048 EFI/BOOT/BOOTAA64.EFI
says 0 "partition 1, which is shown, has nothing for a Raspberry Pi, and partition 5 has" "$hybrid"
empty_file "$hybrid" 2048 kernel8.img
is "$hybrid" 'd["better_partition"]' None

# Without a table; and what cannot be shown: listed all the same, with the reason.
truncate -s 4M "$scratch/floppy.img"
mkfs.vfat -n "FLOPPY" "$scratch/floppy.img" >/dev/null
is "$scratch/floppy.img" 'd["table"], p[0]["number"], p[0]["filesystem"], p[0]["label"], p[0]["shown"]' \
    "(None, None, 'FAT12', 'FLOPPY', True)"
mlabel -i "$scratch/floppy.img" ::"new one" # in the root directory: the boot sector may go stale
is "$scratch/floppy.img" 'p[0]["label"]' "NEW ONE"
truncate -s 40M "$scratch/ext.img"
sfdisk -q "$scratch/ext.img" <<<"2048,40960"
part "$scratch/ext.img" 2048 40960 mke2fs -q -F -t ext4 -L $'evil\e[31m'
says 1 "nothing to show: has no partition with a FAT file system (1: ext4)" "$scratch/ext.img"
grep -q $'\e' "$scratch/out" && fail "a label can control the terminal"
truncate -s 1M "$scratch/zero.img"
says 1 "holds neither a partition table nor a FAT" "$scratch/zero.img"
truncate -s 0 "$scratch/empty.img"
says 1 "is empty" "$scratch/empty.img"
says 1 "No such file or directory" "$scratch/missing.img"
says 1 "is a directory" "$scratch"
says 2 "SOURCE is required" --json
says 0 "* " -o partition=7 "$mbr"
is "$scratch/zero.img" 'd["refusal"][:13], len(p)' "('holds neither', 1)"
"$FUSE_FATIMG" --json "$mbr" 2>/dev/null && fail "--json without --list"
"$FUSE_FATIMG" --list "$mbr" >/dev/full 2>"$scratch/out" && fail "a full disk went unnoticed"
echo "lists what is there"
