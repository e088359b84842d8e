# The image is somebody else's NBD server's, in whatever format: serve shows its boot files, starts no server of its
# own, names that one to the clients, and goes on when it comes back.
. "$(dirname "$0")/serving.sh"
for program in qemu-img qemu-nbd nbdkit; do
    command -v "$program" >/dev/null || die "no $program; packaging/install-dependencies test"
done

image=$scratch/disk.img
make_image one "$image"
server=
end_server() { kill "$server" && wait "$server" || true; }
listens() { ss -Hltn "sport = :$1" | grep -q .; }
port=$((20000 + $$ % 10000))
shows() { [[ $(fetch "$1") == "$(boot_file "$image" "$1")" ]]; }

qemu-img convert -O qcow2 "$image" "$scratch/disk.qcow2"
qemu-nbd -t -r -b 127.0.0.1 -p "$port" -f qcow2 "$scratch/disk.qcow2" &
server=$!
wait_for 60 listens "$port" || die "qemu-nbd does not listen"
start_serve "nbd://localhost:$port"
[[ $nbd == "nbd://localhost:$port "* ]] || die "it names another server: $nbd"
grep -q "nbdroot=127.0.0.1:$port/ " "$scratch/serve.out" || die "no command line for clients: $(printed client)"
shows kernel8.img || die "the boot files are not those of the image"
[[ -z $(part nbdkit) ]] || die "it started an nbdkit"
end_server
qemu-nbd -t -r -b 127.0.0.1 -p "$port" -f qcow2 "$scratch/disk.qcow2" &
server=$!
wait_for 60 shows config.txt || die "it does not come back with its server"
pids=$(pgrep -P "$serve_pid")
stop_serve
expect_nothing_left $pids
kill -0 "$server" || die "it stopped a server that is not its own"
end_server

# On a Unix socket, and with a name.
nbdkit -f -U "$scratch/nbd.sock" -e boot file "$image" &
server=$!
wait_for 60 test -S "$scratch/nbd.sock" || die "nbdkit does not listen"
start_serve "nbd+unix:///boot?socket=$scratch/nbd.sock"
shows kernel8.img || die "the boot files are not those of the image"
printed client | grep -q 'no client reaches a Unix socket' || die "clients are sent to a socket: $(printed client)"
stop_serve
end_server

# Without that server, the line says which one is missing.
status=0
timeout 60 "$BOOTVIEW" serve --listen 127.0.0.1 --tftp-port 0 "nbd://localhost:$port" >/dev/null 2>"$scratch/line" || status=$?
[[ $status == 1 ]] && grep -q "localhost:$port" "$scratch/line" || { cat "$scratch/line"; die "status $status without a server"; }
