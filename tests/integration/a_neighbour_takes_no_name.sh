# An image keeps its names, as an export and as a directory of the view, whatever is laid beside it while
# clients use it. If this fails, `touch raspios.zip` takes the disk away from every running client.
source "$(dirname "$0")/functions.sh"
requires nbdkit nbdinfo mcopy xz qemu-img
[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }

images=$scratch/images m=$scratch/mnt
mkdir "$images" "$m" "$scratch/notify"
make_image "$images/raspios.img"
socket=$scratch/nbd.sock
nbdkit_with_plugin -f -U "$socket" "$PLUGIN" dir="$images" notify="$scratch/notify" 2>"$scratch/server.log" &
server=$!
cleanup 'kill -9 $server; wait $server'
wait_until test -S "$socket"
"$FUSE_FATIMG" -f -o "notify=$scratch/notify" "$images" "$m" 2>"$scratch/view.log" &
view=$!
cleanup 'kill $view; wait $view'
wait_until test -e "$m/raspios/cmdline.txt"
exec 9<"$m/raspios/kernel8.img" # a client that downloads it

size_of() { timeout 20 nbdinfo --size "nbd+unix:///$1?socket=$socket"; }
keeps_its_names() { # WHAT WAS DONE
    for name in raspios raspios.img; do
        [ "$(size_of $name)" = $((64 << 20)) ] || fail "after $1 the export $name is not the image"
        cmp -s "$m/$name/cmdline.txt" "$scratch/cmdline.txt" || fail "after $1 the view has no $name/"
    done
    [ "$(ls "$m")" = raspios ] || fail "after $1 the view lists: $(ls "$m")"
}
keeps_its_names nothing
for beside in raspios.zip raspios.img~ raspios.bak raspios.iso raspios.raw raspios raspios.img.1 .raspios.img.swp \
    raspios.img.part raspios.orig raspios.sha256; do
    touch "$images/$beside"
    keeps_its_names "touch $beside"
done
# And with something in them.
for beside in raspios.img.bak raspios.img.crdownload raspios.img.old; do
    cp --sparse=always "$images/raspios.img" "$images/$beside"
    keeps_its_names "cp raspios.img $beside"
done
head -c 100000 "$images/raspios.img" | xz >"$images/raspios.img.xz"
keeps_its_names "packing it"
qemu-img create -q -f qcow2 "$images/raspios.qcow2" 10M
keeps_its_names "making a QCOW2 of it"
echo "How to use this" >"$images/README"
keeps_its_names "writing a README"
cmp - "$scratch/kernel8.img" <&9 || fail "the file that was open all the time is another"

# What is no image is no export; what may be one, the file plugin's clients ask for by its whole name.
exports() { timeout 20 nbdinfo --list --json "nbd+unix:///?socket=$socket" | sed -n 's/.*"export-name": "\(.*\)".*/\1/p'; }
[ "$(exports)" = raspios.img ] || fail "the exports are: $(exports)"
for name in README raspios.img.xz raspios.qcow2 raspios.sha256; do
    ! size_of "$name" 2>/dev/null || fail "$name is served as a disk"
    grep -q "export '$name': not an image" "$scratch/server.log" || fail "$(cat "$scratch/server.log")"
done
head -c 1M /dev/zero >"$images/nothing-known"
[ "$(size_of nothing-known)" = $((1 << 20)) ] || fail "a file of the file plugin's is refused"

# A second image has its whole name, on both sides; the first keeps its own.
cp --sparse=always "$images/raspios.img" "$images/raspios.raw"
truncate -s 65M "$images/raspios.raw"
wait_until test -e "$m/raspios.raw/cmdline.txt"
[ "$(size_of raspios.raw)" = $((65 << 20)) ] || fail "raspios.raw is not the second image"
[ "$(size_of raspios)" = $((64 << 20)) ] || fail "raspios is not the first image any more"
[ "$(ls "$m")" = raspios$'\n'raspios.raw ] || fail "the view lists: $(ls "$m")"

# Whoever put a packed image there is told why it is not shown.
cp "$images/raspios.img.xz" "$images/other.img.xz"
ls "$m" >/dev/null
grep -q "other.img.xz: not shown: is packed with xz" "$scratch/view.log" || fail "$(cat "$scratch/view.log")"
! grep -q "raspios.img.xz: not shown" "$scratch/view.log" || fail "complains of what is unpacked already"
