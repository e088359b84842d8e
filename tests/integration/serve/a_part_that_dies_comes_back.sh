# Each part alone may be killed: it comes back, the other two are the same processes as before, and
# TFTP gives the right files again; also a file that a client changes while the part is away.
. "$(dirname "$0")/serving.sh"

image=$scratch/disk.img
make_image one "$image"
start_serve "$image"
[[ $(fetch kernel8.img) == "$(boot_file "$image" kernel8.img)" ]] || die "wrong kernel at first"

others() { for name in nbdkit fuse-fatimg tftp-bridge; do [[ $name == "$1" ]] || part "$name"; done; }
is_back() { local now; now=$(part "$1") && [[ $now != "$2" ]]; }
is_right() { [[ $(fetch cmdline.txt) == "$(sum <"$scratch/new")" ]]; }

for name in nbdkit fuse-fatimg tftp-bridge; do
    old=$(part "$name") rest=$(others "$name")
    kill -KILL "$old"
    head -c 700 /dev/urandom >"$scratch/new"
    client_writes "$scratch/new" cmdline.txt
    wait_for 60 is_back "$name" "$old" || die "$name did not come back"
    wait_for 60 is_right || die "TFTP is wrong after the death of $name"
    [[ $(others "$name") == "$rest" ]] || die "the death of $name took another part along"
    timeout 10 nbdinfo --size "$nbd" >/dev/null || die "no NBD after the death of $name"
    echo "ok: $name"
done
stop_serve
