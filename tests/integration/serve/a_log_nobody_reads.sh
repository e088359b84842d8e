# A log that nobody reads, a full pipe here, stops nothing: files are served, a part that dies comes back, SIGTERM
# ends it. Its parts' lines are read all the while, or they would stop. And what clients bring into the log does not
# steer the terminal of who reads it.
. "$(dirname "$0")/serving.sh"

image=$scratch/disk.img
make_image one "$image"
mkfifo "$scratch/log"
exec 7<>"$scratch/log"
timeout 1 cat /dev/zero >&7 || true # full
prefix=(bash -c 'exec "$@" 2>&7' full)
start_serve --log-level debug "$image"

for _ in 1 2 3; do
    [[ $(fetch kernel8.img) == "$(boot_file "$image" kernel8.img)" ]] || die "wrong kernel"
done
# More than a pipe holds, if tftp-bridge or nbdkit wrote them into ours.
curl --silent "$tftp$(printf '%0150d' 0)[1-400]" >/dev/null 2>&1 || true
[[ $(fetch kernel8.img) == "$(boot_file "$image" kernel8.img)" ]] || die "wrong kernel after a lot of lines"
old=$(part tftp-bridge)
kill -KILL "$old"
is_back() { local now; now=$(part tftp-bridge) && [[ $now != "$old" ]]; }
wait_for 60 is_back || die "tftp-bridge did not come back"
is_right() { [[ $(fetch kernel8.img) == "$(boot_file "$image" kernel8.img)" ]]; }
wait_for 60 is_right || die "nothing is served after a restart"
stop_serve
exec 7>&-

# Names that would write a line of their own, clear the screen, or turn the text around.
prefix=()
mkdir "$scratch/images"
mv "$image" "$scratch/images"
start_serve "$scratch/images"
evil=$(printf 'x\nboot | ready\033[2J\xe2\x80\xae\xff')
nbdinfo --size "${nbd%/NAME}/$(printf %s "$evil" | od -An -tx1 -v | tr -d '\n' | tr ' ' %)" 2>/dev/null &&
    die "there is no such export"
curl --silent "${tftp%NAME/}$(printf %s "$evil" | od -An -tx1 -v | tr -d '\n' | tr ' ' %)" >/dev/null || true
# One that asks for what is not there, again and again.
python3 - "$nbd" <<'END'
import socket, struct, sys, urllib.parse
server = urllib.parse.urlsplit(sys.argv[1])
for i in range(300):
    with socket.create_connection((server.hostname, server.port)) as s:
        s.recv(18, socket.MSG_WAITALL)
        name = b"missing%d" % i
        s.sendall(struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">III", 7, len(name) + 6, len(name)) + name + b"\0\0")
        s.recv(20, socket.MSG_WAITALL)
END
stop_serve
lines=$(grep -c "bootview.*export 'missing" "$scratch/serve.err") || true
((lines >= 1 && lines <= 200)) || die "300 wrong names make $lines lines"
! grep -q '^boot | ready' "$scratch/serve.err" || die "a client has written a line of the log"
grep -qF 'x\x0aboot | ready\x1b[2J\xe2\x80\xae\xff' "$scratch/serve.err" || die "the name of an export is not in the log"
! grep -qF -e $'\033' -e $'\xe2\x80\xae' "$scratch/serve.err" || die "a client steers the terminal"
