# A whole building is switched on, while others load their files. If this fails, some of them do not
# boot, or the server grows until it is killed.
source "$(dirname "$0")/network.sh"
requires curl
make_network
mkdir -p "$scratch/root"
touch "$scratch/root/pxelinux.0"
head -c 3000000 /dev/urandom >"$scratch/root/image"
ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0
start_bridge --dhcp-proxy
ticks() { awk '{print $14 + $15}' "/proc/$bridge/stat"; }

before=$(ticks)
(while [ ! -e "$scratch/loaded" ]; do
    in_ns rom curl -s --max-time 60 --tftp-blksize 1468 tftp://10.77.0.2/image | cmp - "$scratch/root/image" || exit
done) &
reader=$!
cleanup "kill $reader"
# 2,000 in a second.
rom load 4000 2000 bios || fail "not all were answered: $(tail -5 "$scratch/log")"
touch "$scratch/loaded"
wait $reader || fail "a file did not arrive"
echo "CPU: $(($(ticks) - before)) ticks; memory: $(grep VmHWM "/proc/$bridge/status")"
if [ -z "$SANITIZE" ]; then
    [ "$(awk '/VmHWM/ {print $2}' "/proc/$bridge/status")" -lt 65536 ] || fail "$(cat "/proc/$bridge/status")"
fi

# And then nothing happens: it sleeps until something comes in.
wakeups() { awk '/^voluntary_ctxt/ {sum += $2} END {print sum}' /proc/"$bridge"/task/*/status; }
sleeps() {
    local earlier
    earlier=$(wakeups)
    sleep 1
    [ "$(wakeups)" = "$earlier" ]
}
# (The thread sanitizer has a thread of its own that wakes up.)
[[ $SANITIZE == *thread* ]] || wait_until sleeps
stop_bridge
