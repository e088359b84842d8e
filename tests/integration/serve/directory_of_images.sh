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

# Two machines, by their addresses, that want to write one image: the second is refused, unless that is wished.
if /usr/bin/python3 -c 'import nbd' 2>/dev/null; then
    cat >"$scratch/two_machines.py" <<'PYTHON'
import nbd, socket, sys
machines = []
for address in "127.0.0.8", "127.0.0.9":
    wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])), source_address=(address, 0))
    machines.append(nbd.NBD())
    machines[-1].set_export_name("noble")
    machines[-1].connect_socket(wire.detach())
PYTHON
    two_machines() { timeout 30 /usr/bin/python3 "$scratch/two_machines.py" "$(sed 's|.*:\([0-9]*\)/$|\1|' <<<"$nbd")"; }
    ! two_machines || die "two machines write one image"
    grep -q 'noble.img: refused to 127.0.0.9: written by 127.0.0.8 since' "$scratch/serve.err" || die "the log does not say who has the image"
    stop_serve
    start_serve --shared "$scratch/images"
    nbd=${nbd%NAME}
    two_machines || die "--shared: the second machine was refused"
fi
stop_serve
