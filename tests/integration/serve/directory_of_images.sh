# With a directory, every image is an NBD export and a TFTP directory; one that is added later too.
. "$(dirname "$0")/serving.sh"

mkdir "$scratch/images"
make_image one "$scratch/images/jammy.img"
make_image two "$scratch/images/bookworm.img"
start_serve "$scratch/images"
tftp=${tftp%NAME/} nbd=${nbd%NAME}

is_served() { [[ $(fetch "$1/kernel8.img") == "$(boot_file "$scratch/images/$1.img" kernel8.img)" ]]; }
for name in jammy bookworm; do
    is_served "$name" || die "$name/kernel8.img is wrong by TFTP"
    timeout 10 nbdinfo --size "$nbd$name.img" >/dev/null || die "no NBD export for $name"
done
make_image three "$scratch/new.img"
mv "$scratch/new.img" "$scratch/images/noble.img"
wait_for 60 is_served noble || die "an image that was added later is not served"
timeout 10 nbdinfo --size "$nbd"noble.img >/dev/null || die "no NBD export for an image added later"

# Boards ask with 8 digits in lower case; people name their images as /proc/cpuinfo or a label spells the number.
mv "$scratch/images/jammy.img" "$scratch/images/10000000cafef00d.img"
mv "$scratch/images/bookworm.img" "$scratch/images/A1B2C3D4.img"
finds() { [[ $(fetch "$1/kernel8.img") == "$(boot_file "$scratch/images/$2.img" kernel8.img)" ]]; }
wait_for 60 finds cafef00d 10000000cafef00d || die "the board cafef00d does not find 10000000cafef00d.img"
wait_for 60 finds a1b2c3d4 A1B2C3D4 || die "the board a1b2c3d4 does not find A1B2C3D4.img"
! fetch cafef00e/kernel8.img || die "another board was served"
stop_serve
