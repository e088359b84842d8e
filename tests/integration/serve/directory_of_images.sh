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
stop_serve
