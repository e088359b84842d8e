# What happens to a client shows in bootview status, log, the status page and the metrics, while it happens.
. "$(dirname "$0")/serving.sh"

image=$scratch/disk.img
make_image one "$image"

start_serve "$image" --status-page 0
runtime=/run/bootview
[[ $(id -u) == 0 ]] || runtime=$XDG_RUNTIME_DIR/bootview
socket=$runtime/serve-$serve_pid
page=$(sed -n 's/.*status page: //p' "$scratch/serve.err")
status() { "$BOOTVIEW" status --socket "$socket" "$@"; }
log() { "$BOOTVIEW" log --socket "$socket" "$@"; }
asked() { status --json | jq -e ".[0] | $1" >/dev/null; }
shows() {
    local text=$1
    shift
    "$@" 2>&1 | grep -- "$text" >/dev/null
}
# expect TEXT COMMAND...: it shows within some seconds; parts tell at once, but nobody waits for it.
expect() {
    local text=$1
    shift
    wait_for 30 shows "$text" "$@" || { "$@"; die "$* does not show '$text'"; }
    echo "ok: $* shows $text"
}

expect 'no machine has asked for anything since' status
expect "attached .* $image" status

fetch cmdline.txt >/dev/null
expect 'loaded cmdline.txt: [0-9]* bytes' log 127.0.0.1
asked '.clients[0] | .state == "loading" and .boots == 1' || die "$(status --json)"
fetch nosuch >/dev/null 2>&1 || true
expect 'did not get nosuch: file not found' log 127.0.0.1
head -c 100000 /dev/urandom >"$scratch/kernel"
client_writes "$scratch/kernel" kernel8.img
expect "opened disk $image" log 127.0.0.1
expect "wrote to disk $image for the first time" log 127.0.0.1
expect "closed disk $image" log 127.0.0.1
wait_for 30 asked '.clients[0].state == "off"' || die "$(status --json)"
wait_for 30 asked '.exports[0] | .written_bytes >= 100000 and .clients == 0' || die "$(status --json)"
wait_for 30 asked '.views[0] | .mode == "attached" and .generation > 0' || die "$(status --json)"
echo "ok: the same as JSON"

# A TFTP transfer after the disk was used is a boot of its own.
fetch kernel8.img >/dev/null
expect '^boot 2' log 127.0.0.1
expect 'loaded kernel8.img: 100 kB' status

# Somebody who does not get on: the other end never acknowledges what it asked for.
python3 - "$(tr -dc 0-9 <<<"${tftp##*:}")" <<'PYTHON' &
import socket, sys, time
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"\0\1kernel8.img\0octet\0", ("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
PYTHON
silent=$!
wait_for 30 asked '.transfers[0].file == "kernel8.img"' || die "no transfer shows: $(status --json)"
kill "$silent"
wait_for 60 asked '.transfers == []' || die "a client that has gone is still served"
echo "ok: a file on its way shows"

metrics() { curl --silent --unix-socket "$socket.status" http://localhost/metrics; }
expect '^bootview_boots_total 2' metrics
expect "^bootview_nbd_written_bytes_total{export=\"\",image=\"$image\"} [1-9]" metrics
expect "^bootview_view_attached{image=\"$image\",mountpoint=\"$view\"} 1" metrics
expect '^bootview_tftp_errors_total{code="1"} 1' metrics
expect "^bootview_view_waits_total{image=\"$image\",mountpoint=\"$view\"} [0-9]" metrics
expect '<a href="/client/127.0.0.1">127.0.0.1</a>' curl --silent "$page"
expect 'wrote to disk' curl --silent "${page}client/127.0.0.1"
! curl --silent --header 'Host: elsewhere.example' "$page" | grep 127.0.0.1 || die "a stranger's page can read it"

curl --silent --header "Host: $(uname -n)" "$page" | grep 127.0.0.1 >/dev/null || die "the page refuses this machine's own name"

# Whoever asks for what is not there is told what is.
! log nobody 2>"$scratch/said" || die "there is no such client"
grep -q "'nobody' has asked for nothing yet; those that have: 127.0.0.1" "$scratch/said" || die "$(cat "$scratch/said")"

# A board is known by the serial number that it asks with, though no DHCP told of it.
fetch CAFEF00D/config.txt >/dev/null 2>&1 || true
expect 'did not get CAFEF00D/config.txt' log 10000000cafef00d
expect 'did not get CAFEF00D/config.txt' curl --silent "${page}client/cafef00d"

# --watch says what is new, without being asked.
status --watch >"$scratch/watched" &
watcher=$!
wait_for 30 test -s "$scratch/watched" || die "--watch prints nothing"
fetch config.txt >/dev/null
wait_for 30 grep -q 'loaded config.txt' "$scratch/watched" || die "--watch does not print what is new"
kill "$watcher"
echo "ok: --watch"

# The monitor may die: the others do not notice, and tell the next one.
monitor=$(pgrep -P "$serve_pid" -f 'bootview monitor')
kill -KILL "$monitor"
wait_for 30 eval "pgrep -P $serve_pid -f 'bootview monitor' | grep -vqx $monitor" || die "it does not come back"
try() { fetch cmdline.txt >/dev/null && log 127.0.0.1 2>/dev/null | grep -q cmdline.txt; }
wait_for 60 try || die "the next monitor hears nothing"
echo "ok: a monitor that was killed"

# Whose server is gone is not told of success.
stop_serve
! log cafef00d 2>"$scratch/said" || die "log succeeds without a server"
grep -q 'no monitor answers there' "$scratch/said" || die "$(cat "$scratch/said")"
! "$BOOTVIEW" log "cafef00d-$$" >"$scratch/out" 2>"$scratch/said" ||
    die "log succeeds without a server: $(cat "$scratch/out")"
left=$(compgen -G "$socket.*" || true)
[[ -z $left ]] || die "left behind: $left"
! status 2>"$scratch/said" || die "nobody is there"
grep -q 'no monitor answers there' "$scratch/said" || die "$(cat "$scratch/said")"
echo "ok: nothing is left"
