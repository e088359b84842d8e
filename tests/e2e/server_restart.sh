# The boot server is killed and comes back, while a PC lives on it and writes: the PC waits, and nothing is lost. If
# this fails, whoever updates a boot server kills every machine in the house.
#     server_restart.sh [SECONDS [EVENT...]]    for how long it is away, each time; 15. Of the events below: all
# CLIENT=stock: with Debian's own nbd-client, for comparison, and one event: says what has become of the PC.
source "$(dirname "$0")/machine.sh"
away=${1:-15}
events=("${@:2}")
[ $# -gt 1 ] || events=(nbdkit-hangs serve-killed serve-stopped)
make_place
if [ "${CLIENT:-}" = stock ]; then
    # For comparison: with boot=local our scripts leave the root to those of Debian's nbd-client.
    add_kernel_word boot=local
else
    # Two of the forms of boots_from.sh, which is too long for CI: an image that names no server, a root by its number.
    edit_pxelinux 's|nbdroot=[^ ]* root=[^ ]*|nbdroot=boot:/debian root=PARTUUID=62766532-02|'
fi
bootview_serve
power_on
booted 600

# Line after line, each synced to the disk, until it is told to stop.
guest <<'SCRIPT'
mkdir /root/lines
cat >/root/write-lines <<'PROGRAM'
n=0
while [ ! -e /run/stop ]; do
    n=$((n + 1))
    echo "line $n" >>/root/lines/all && sync /root/lines/all && echo "$n" >/run/lines.new && mv /run/lines.new /run/lines ||
        echo "line $n failed" >>/run/failures
done
PROGRAM
setsid bash /root/write-lines >/run/failures 2>&1 </dev/null &
SCRIPT
lines() { guest 120 --again <<<'cat /run/lines'; }
more_than() { [ "$(lines)" -gt "$1" ] 2>/dev/null; }
wait_until_within 600 more_than 3 || { say_why >&2; fail "the guest writes nothing"; }

# expect_nothing_lost WHAT
expect_nothing_lost() {
    [ "${CLIENT:-}" != stock ] || { say_what_is_left "$1"; return; }
    local before after
    local began=$SECONDS
    before=$(lines) && wait_until_within 600 more_than $((before + 3)) ||
        { say_why >&2; fail "$1: the guest writes no more, for $((SECONDS - began)) s; its last line is '${before:-}'"; }
    # That a connection ended may be said there; that a request failed may not.
    after=$(guest 600 <<<'cat /run/failures; dmesg | grep -iE "I/O error|EXT4-fs (error|warning)|Aborting journal" || true')
    [ -z "$after" ] || { say_why >&2; fail "$1: in the guest: $after"; }
    echo "$1: the guest has gone on after $((SECONDS - began)) s, at line $before, $(cpu_seconds) s of CPU"
}

# say_what_is_left WHAT: the same of a client that may not survive it, so that nothing is asked of the guest but whether
# it writes. At the end its power is cut.
say_what_is_left() {
    local before=$last_line began=$SECONDS goes_on='no more, for three minutes' status=0 missing
    wait_until_within 180 more_than $((before + 3)) && goes_on="after $((SECONDS - began)) s"
    before=$(lines || echo "$before")
    kill "$machine" && wait "$machine" || true
    stop_server
    root_partition "$scratch/root.ext4"
    # What its journal holds is what a next boot would have, too.
    e2fsck -fp "$scratch/root.ext4" >"$scratch/fsck" 2>&1 || status=$?
    e2fsck -fn "$scratch/root.ext4" >>"$scratch/fsck" 2>&1 || status="$status and $?"
    debugfs -R 'cat /root/lines/all' "$scratch/root.ext4" 2>/dev/null >"$scratch/all"
    echo "$1: the guest goes on: $goes_on"
    echo "errors on its console: $(grep -acE "$errors_of_a_disk" "$scratch/console")"
    grep -m 3 -aE "$errors_of_a_disk" "$scratch/console" | tr -cd '[:print:]\n' || true
    # Of what the guest was told that it is on the disk.
    missing=$(comm -23 <(seq -f 'line %.0f' "${before:-$last_line}" | sort) <(sort "$scratch/all") | wc -l)
    echo "its last synced line is ${before:-unknown}, before it was $last_line; on the image there are $(wc -l <"$scratch/all"), $missing of the synced ones are missing"
    echo "e2fsck -fp, then -fn: status $status: $(tail -n 3 "$scratch/fsck" | tr '\n' ' ')"
}

for event in "${events[@]}"; do
    last_line=$(lines)
    case $event in
    nbdkit-hangs)
        # Whoever kills nbdkit finds it again in a moment, because `serve` brings it back: stopped, it is away.
        nbdkit=$(pgrep -P "$server" -x nbdkit)
        kill -STOP "$nbdkit"
        sleep "$away"
        kill -KILL "$nbdkit"
        expect_nothing_lost "nbdkit hung for $away s and was killed"
        ;;
    serve-killed)
        stop_server KILL
        sleep "$away"
        bootview_serve
        expect_nothing_lost "bootview serve was killed, and away for $away s"
        ;;
    serve-stopped)
        stop_server TERM
        sleep "$away"
        bootview_serve
        expect_nothing_lost "bootview serve was stopped, and away for $away s"
        ;;
    *) fail "there is no event $event" ;;
    esac
    [ "${CLIENT:-}" != stock ] || exit 0
done

# What it has written is there, on the image, after it has switched itself off.
began=$SECONDS
guest 600 <<<'touch /run/stop; sleep 2; sha256sum </root/lines/all; wc -l </root/lines/all' >"$scratch/lines"
switched_off 300
echo "switched off in $((SECONDS - began)) s"
stop_server
expect_clean_root
debugfs -R 'cat /root/lines/all' "$scratch/root.ext4" 2>/dev/null >"$scratch/all"
diff <(sha256sum <"$scratch/all"; wc -l <"$scratch/all") "$scratch/lines" || fail "other lines on the image (<) than the guest wrote (>)"
diff <(seq -f 'line %.0f' "$(wc -l <"$scratch/all")") "$scratch/all" || fail "lines are missing"
echo "$(wc -l <"$scratch/all") lines, all there; the root is clean"
