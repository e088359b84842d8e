# Two machines that write one image destroy its file system. With writers=one the second is refused, and told who has
# the image; the first comes back whenever it likes. If this fails, somebody's root is lost, or somebody does not boot.
#
# Machines are network namespaces on a switch: server 10.78.0.1, alice 10.78.0.2, bob 10.78.0.3.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
PATH=$PATH:/sbin:/usr/sbin
requires nbdkit nbdinfo nbdcopy ip ss nft
/usr/bin/python3 -c 'import nbd' 2>/dev/null || { echo "skipped: no python3-libnbd"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "skipped: network namespaces need root"; exit 77; }

net=bw$$
in_ns() { ip netns exec "$net-$1" "${@:2}"; }
address_of() { case $1 in server) echo 10.78.0.1 ;; alice) echo 10.78.0.2 ;; bob) echo 10.78.0.3 ;; esac; }

# Connected to the switch, always by the same MAC address: neighbours do not notice that it was switched off.
switch_on() {
    local address
    address=$(address_of "$1")
    ip netns add "$net-$1" 2>/dev/null && in_ns "$1" true 2>/dev/null || { echo "skipped: no network namespaces here"; exit 77; }
    ip -n "$net-$1" link set lo up
    ip -n "$net-switch" link add "$1" type veth peer name eth0 address "52:54:00:0a:4e:0${address##*.}" netns "$net-$1"
    ip -n "$net-switch" link set "$1" master br0 up
    ip -n "$net-$1" link set eth0 up
    ip -n "$net-$1" addr add "$address/24" dev eth0
}
switch_off() { # not a packet leaves it
    ip -n "$net-switch" link del "$1"
    let_go "$1"
    ip netns del "$net-$1"
}
kill_and_wait() { for pid in $1; do kill -KILL "$pid" && wait "$pid" || true; done 2>/dev/null; }

ip netns add "$net-switch" 2>/dev/null || { echo "skipped: no network namespaces here"; exit 77; }
cleanup "ip netns del $net-switch"
ip -n "$net-switch" link add br0 type bridge stp_state 0 forward_delay 0 2>/dev/null || { echo "skipped: this kernel has no bridge"; exit 77; }
ip -n "$net-switch" link set br0 up
for machine in server alice bob; do
    cleanup "ip netns del $net-$machine"
    switch_on "$machine"
done

mkdir "$scratch/images" "$scratch/notify"
image=$scratch/images/disk.img
truncate -s 8M "$image" "$scratch/images/other.img"
ln -s disk.img "$scratch/images/link.raw"

# As bootview serve has it: a socket for IPv6, by which IPv4 comes too.
cat >"$scratch/listen.py" <<'PYTHON'
import os, socket, sys
s = socket.create_server(("::", 10809), family=socket.AF_INET6, dualstack_ipv6=True)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[1], sys.argv[1:])
PYTHON

# serve PARAMETERS...: nbdkit in "server". Its log is $scratch/log, its process $server.
serve() {
    : >"$scratch/log"
    local preload=()
    case "$SANITIZE" in
    address*) preload=(env "LD_PRELOAD=$(realpath "$(g++ -print-file-name=libasan.so)"):$(realpath "$(g++ -print-file-name=libstdc++.so)")" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0") ;;
    thread) preload=(env "LD_PRELOAD=$(realpath "$(g++ -print-file-name=libtsan.so)"):$(realpath "$(g++ -print-file-name=libstdc++.so)")") ;;
    esac
    ip netns exec "$net-server" /usr/bin/python3 "$scratch/listen.py" "${preload[@]}" \
        nbdkit -f "$PLUGIN" dir="$scratch/images" notify="$scratch/notify" "$@" 2>>"$scratch/log" &
    server=$!
    wait_until in_ns alice nbdinfo --size nbd://10.78.0.1/other.img
}
stop_server() { kill_and_wait "$server"; }
cleanup stop_server

# hold MACHINE [EXPORT [CONNECTIONS]]: connects, writes, and stays until it is killed. Fails if it is refused.
cat >"$scratch/hold.py" <<'PYTHON'
import nbd, os, sys, time
connections = []
for i in range(int(sys.argv[2])):
    h = nbd.NBD()
    h.connect_uri(sys.argv[1])
    h.pwrite(b"X" * 512, 512 * i)
    connections.append(h)
print("in", flush=True)
while True:
    time.sleep(0.2)
    if os.path.exists(sys.argv[3]): # asked: are all of them alive still?
        for h in connections:
            h.pwrite(b"Y" * 512, 0)
        os.rename(sys.argv[3], sys.argv[3] + ".yes")
PYTHON
declare -A holders=()
hold() {
    local out=$scratch/$1.out question=$scratch/$1.question
    rm -f "$question"*
    : >"$out"
    ip netns exec "$net-$1" /usr/bin/python3 "$scratch/hold.py" "nbd://10.78.0.1/${2:-disk.img}" "${3:-1}" "$question" >"$out" 2>&1 &
    local pid=$!
    until grep -qx in "$out"; do
        kill -0 "$pid" 2>/dev/null || { tail -n 1 "$out" && return 1; }
        sleep 0.05
    done
    holders[$1]+=" $pid"
}
let_go() { kill_and_wait "${holders[$1]}"; holders[$1]=; }
cleanup 'for machine in alice bob; do let_go $machine; done'
is_alive() { # MACHINE: all the connections of its last hold
    touch "$scratch/$1.question"
    wait_until test -e "$scratch/$1.question.yes"
    rm "$scratch/$1.question.yes"
}
established() { in_ns server ss -Htn state established sport = :10809 | wc -l; }


# --- by default nothing is other than with the file plugin: nobody is refused, and nothing is locked

serve
hold alice
hold bob || fail "without writers=one a second client is refused"
[ -z "$(command -v qemu-io)" ] || qemu-io -f raw -c 'write 0 512' "$image" || fail "without writers=one the image is locked"
let_go alice
let_go bob
stop_server

# --- the second is refused, whatever name the image has for it; both it and the log are told who has it

serve writers=one
hold alice
for export in disk.img link.raw; do
    ! hold bob "$export" || fail "bob writes what alice writes, as $export"
done
grep -q "$image: refused to 10.78.0.3: written by 10.78.0.2 since ..:..:..; one client" "$scratch/log" || fail "the log: $(cat "$scratch/log")"
[ "$(grep -c "refused to 10.78.0.3" "$scratch/log")" = 1 ] || fail "a line for every attempt"
cat >"$scratch/list.py" <<'PYTHON'
import nbd, sys
h = nbd.NBD()
h.set_opt_mode(True)
h.connect_uri(sys.argv[1])
h.opt_list(lambda name, description: print(name, description))
h.opt_abort()
PYTHON
in_ns bob /usr/bin/python3 "$scratch/list.py" nbd://10.78.0.1 >"$scratch/list"
grep -q "^disk.img in use: written by 10.78.0.2 since ..:..:..; one client" "$scratch/list" || fail "the list: $(cat "$scratch/list")"
grep -qx "other.img " "$scratch/list" || fail "the list: $(cat "$scratch/list")"
hold bob other.img || fail "another image is alice's, too"
let_go bob
let_go alice
hold bob || fail "alice has gone, and bob is not let in: $(cat "$scratch/log")"
let_go bob

# --- several connections of one client are one client, and go on while others come

in_ns alice nbdcopy --connections=4 --requests=16 nbd://10.78.0.1/other.img nbd://10.78.0.1/disk.img || fail "nbdcopy with four connections"
hold alice disk.img 4
sleep 1.2 # idle for long enough to be asked
hold alice disk.img 2
[ "$(established)" = 6 ] || fail "a new connection ended older ones that are alive"
is_alive alice
let_go alice

# --- a client that was switched off comes back at its first attempt, and its old connections are gone

hold alice disk.img 3
sleep 2 # in no less does a machine start again
is_alive alice
switch_off alice
switch_on alice
hold bob && fail "bob was let in between" # he sees alice's connections, which only the kernel takes for alive
hold alice || fail "alice has to wait for herself: $(cat "$scratch/log")"
[ "$(established)" = 1 ] || fail "the old connections are still there"

# --- so does one whose cable was cut, and whose old connection gets no answer through

port=$(in_ns alice ss -Htn state established dport = :10809 | awk '{ sub(".*:", "", $3); print $3 }')
in_ns alice nft -f - <<NFT
table ip cut { chain out { type filter hook output priority 0; tcp sport $port drop; }; }
NFT
sleep 1.2
hold alice || fail "alice's dead connection keeps her out"
is_alive alice
[ "$(established)" = 1 ] || fail "the dead connection is still there"
let_go alice
in_ns alice nft flush ruleset

# --- somebody else waits until a dead client is noticed; a living one is left alone

hold alice
hold bob && fail "bob writes what alice writes"
is_alive alice
if [ -z "$SANITIZE" ]; then # it takes up to 20 s, in which others race for an image of theirs
    ip -n "$net-switch" link set alice down
    /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/one_writer_races.py" "$PLUGIN" 10 >"$scratch/races" 2>&1 &
    races=$!
    wait_until hold bob
    ip -n "$net-switch" link set alice up
    let_go bob
    wait "$races" || fail "two writers: $(cat "$scratch/races")"
    cat "$scratch/races"
fi
let_go alice

# --- the server is restarted: its client comes back at once, and nobody takes its place before

hold alice
stop_server
let_go alice
serve writers=one
hold bob && fail "bob takes the place of alice, who lives on the image"
grep -q "refused to 10.78.0.3: kept for 10.78.0.2" "$scratch/log" || fail "$(cat "$scratch/log")"
hold alice || fail "after a restart of the server alice is not let in"
let_go alice
wait_until sh -c "! ls $scratch/notify/*.writer"
stop_server
serve writers=one
hold bob || fail "a place is kept for alice, who had gone"
let_go bob

# --- QEMU's programs, and a second nbdkit, are refused, and refuse us

if command -v qemu-io >/dev/null; then
    hold alice
    for command in "qemu-io -f raw -c quit $image" "qemu-img resize -f raw $image 16M" "qemu-nbd -f raw -k $scratch/qemu.sock $image"; do
        timeout 20 $command >"$scratch/out" 2>&1 && fail "not refused: $command"
        grep -q 'Failed to get "write" lock' "$scratch/out" || fail "$command: $(cat "$scratch/out")"
    done
    let_go alice
    wait_until qemu-io -f raw -c quit "$image"
    qemu-nbd -f raw -t -k "$scratch/qemu.sock" "$image" &
    qemu=$!
    cleanup "kill $qemu"
    wait_until test -S "$scratch/qemu.sock"
    hold alice && fail "alice writes what qemu-nbd writes"
    grep -q "$image: refused to 10.78.0.2: in use by another program (QEMU" "$scratch/log" || fail "$(cat "$scratch/log")"
    kill "$qemu"
    wait "$qemu" || true
    hold alice || fail "qemu-nbd has gone, and alice is not let in"
    let_go alice
else
    echo "left out, for want of qemu-utils: QEMU's locks"
fi

echo "one writer at a time"
