# A DHCP server on the same machine keeps its clients: those get, and above all renew, their leases,
# whether it shares port 67 or not. If this fails, a whole network loses its addresses.
source "$(dirname "$0")/network.sh"
requires dnsmasq
make_network
mkdir -p "$scratch/root"
touch "$scratch/root/pxelinux.0"

both_work() {
    local address
    address=$(rom lease 10.77.0.2) || fail "$1: no lease"
    expect "$1" "$address" '^10\.77\.0\.1[0-9]+$'
    ip -n "$net-rom" addr add "$address/24" dev eth0
    # Ten times, as a packet that goes to either of two sockets would go to the right one by chance.
    for _ in $(seq 10); do
        rom renew "$address" 10.77.0.2 | grep -q "your=$address .*53:05" || fail "$1: not renewed"
    done
    ip -n "$net-rom" addr del "$address/24" dev eth0
    answers=$(rom ask bios 2) || fail "$1: a ROM got: $answers"
    expect "$1" "$answers" 'your=10\.77\.0\.1[0-9]+ '
    expect "$1" "$answers" 'your=0.0.0.0 server=10.77.0.2 .* file=pxelinux.0 '
}

start_dhcp_server boot --interface=eth0 --bind-interfaces
start_bridge --dhcp-proxy
! grep -q 'whole packets' "$scratch/log" || fail "the port is shared, but packets are read"
both_work "a server that shares its port"
stop_bridge
kill "$dhcp_server"
wait "$dhcp_server" || true

start_dhcp_server boot
start_bridge --dhcp-proxy
grep -q 'port 67 is taken by dnsmasq.*reading whole packets' "$scratch/log" || fail "$(cat "$scratch/log")"
both_work "a server that does not"
stop_bridge

# On port 4011 alone.
start_bridge --dhcp-proxy --no-67
ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0
rom ask4011 bios 10.77.0.2 68 | grep -q 'file=pxelinux.0 53:05' || fail "--no-67: no answer"
ip -n "$net-rom" addr del 10.77.0.50/24 dev eth0
answers=$(rom ask bios 1)
expect "--no-67" "$answers" 'your=10\.77\.0\.1[0-9]+ '
grep -q "offered pxelinux.0" "$scratch/log"
stop_bridge

# Without the privilege to read packets it says who has the port and what to do.
if command -v setpriv >/dev/null; then
    ! in_ns boot setpriv --bounding-set -net_raw --inh-caps -net_raw "$TFTP_BRIDGE" --root "$scratch/root" \
        --dhcp-proxy 2>"$scratch/log" || fail "it started"
    grep -q 'eth0: port 67 is taken by dnsmasq .*CAP_NET_RAW.*bind-interfaces.*--no-67' "$scratch/log" ||
        fail "$(cat "$scratch/log")"
fi
