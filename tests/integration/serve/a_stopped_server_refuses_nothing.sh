# A machine writes to its root while the server is stopped, or killed: it is cut off, after which it can wait for the
# next server. If this fails, it is told that its writes failed, and its file system is broken.
. "$(dirname "$0")/serving.sh"
/usr/bin/python3 -c 'import nbd' 2>/dev/null || skip "no python3-libnbd"

image=$scratch/disk.img
make_image one "$image"
cat >"$scratch/client.py" <<'CLIENT'
import errno, sys, nbd
client = nbd.NBD()
client.connect_uri(sys.argv[1])
last = client.get_size() - 4096
writes = 0
try:
    while True:
        client.pwrite(bytes(4096), last)
        writes += 1
        if writes == 50:
            open(sys.argv[2], "w").close()
except nbd.Error as error:
    print(error)
    sys.exit(1 if error.errno == "ESHUTDOWN" or "shutdown" in str(error) else 0)
CLIENT
for signal in TERM KILL; do
    start_serve "$image"
    rm -f "$scratch/writes"
    timeout 120 /usr/bin/python3 "$scratch/client.py" "$nbd" "$scratch/writes" >"$scratch/client.out" 2>&1 &
    client=$!
    wait_for 60 test -e "$scratch/writes" || die "the client does not write: $(cat "$scratch/client.out")"
    kill -"$signal" "$serve_pid"
    wait "$client" || die "SIG$signal: the client was refused: $(cat "$scratch/client.out")"
    wait "$serve_pid" 2>/dev/null || true
    serve_pid=
    echo "ok: SIG$signal: $(tail -n 1 "$scratch/client.out")"
done
