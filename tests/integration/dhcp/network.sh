# A network of its own for a test: three machines (network namespaces) on one switch. Sourced.
#     rom       where boot ROMs are; eth0, without an address
#     boot      where tftp-bridge runs; eth0, 10.77.0.2
#     router    where a DHCP server may run; eth0, 10.77.0.1
source "$(dirname "${BASH_SOURCE[0]}")/../functions.sh"
PATH=$PATH:/sbin:/usr/sbin
requires ip

net=bv$$
in_ns() { ip netns exec "$net-$1" "${@:2}"; }

make_network() {
    local machine
    [ "$(id -u)" = 0 ] || { echo "skipped: network namespaces need root"; exit 77; }
    for machine in switch rom boot router; do
        ip netns add "$net-$machine" 2>/dev/null && in_ns "$machine" true 2>/dev/null || {
            echo "skipped: no network namespaces here"
            exit 77
        }
        cleanup "ip netns del $net-$machine"
        ip -n "$net-$machine" link set lo up
    done
    ip -n "$net-switch" link add br0 type bridge stp_state 0 forward_delay 0 2>/dev/null || {
        echo "skipped: this kernel has no bridge"
        exit 77
    }
    ip -n "$net-switch" link set br0 up
    for machine in rom boot router; do plug "$machine" eth0; done
    ip -n "$net-boot" addr add 10.77.0.2/24 dev eth0
    ip -n "$net-router" addr add 10.77.0.1/24 dev eth0
}

# plug MACHINE INTERFACE: a cable from the switch.
plug() {
    ip -n "$net-switch" link add "$1-$2" type veth peer name "$2" netns "$net-$1"
    ip -n "$net-switch" link set "$1-$2" master br0 up
    ip -n "$net-$1" link set "$2" up
}

# plug_virtual_machine INTERFACE: a socket in the switch for QEMU, which has to run in "switch".
plug_virtual_machine() {
    ip -n "$net-switch" tuntap add dev "$1" mode tap 2>/dev/null || {
        echo "skipped: no tap interfaces here"
        exit 77
    }
    ip -n "$net-switch" link set "$1" master br0 up
}

# start_bridge ARGUMENTS: tftp-bridge in "boot", serving $scratch/root. Returns when it is ready.
# Its log is $scratch/log, its process $bridge.
start_bridge() {
    mkdir -p "$scratch/root"
    : >"$scratch/log"
    # Not by in_ns: $! has to be the program, not a shell around it.
    ip netns exec "$net-boot" "${RUN_AS[@]}" "$TFTP_BRIDGE" --root "$scratch/root" "$@" 2>>"$scratch/log" &
    bridge=$!
    cleanup "kill $bridge && wait $bridge"
    wait_until ready_or_ended
    grep -q 'listening on' "$scratch/log" || fail "tftp-bridge did not start: $(cat "$scratch/log")"
}
RUN_AS=()
ready_or_ended() { grep -q 'listening on' "$scratch/log" || ! kill -0 "$bridge"; }

stop_bridge() {
    kill "$bridge"
    wait "$bridge" || fail "tftp-bridge ended with $?: $(cat "$scratch/log")"
}

rom() { timeout 60 ip netns exec "$net-rom" "$BOOT_ROM" eth0 "$@"; }

# start_dhcp_server MACHINE ARGUMENTS: dnsmasq as a plain DHCP server, that knows nothing of PXE.
start_dhcp_server() {
    local machine=$1 ready=$scratch/dhcp-$1.log
    shift
    : >"$scratch/leases"
    ip netns exec "$net-$machine" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root \
        --pid-file= --dhcp-leasefile="$scratch/leases" --dhcp-authoritative --no-ping \
        --dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,600 \
        --log-facility=- "$@" 2>"$ready" &
    dhcp_server=$!
    cleanup "kill $dhcp_server && wait $dhcp_server"
    wait_until grep -q 'DHCP, IP range' "$ready"
}

# advertise_routes: IPv6 router advertisements. Without any, iPXE waits 15 seconds for one.
advertise_routes() {
    ip -n "$net-router" addr add fd77::1/64 dev eth0 nodad
    ip netns exec "$net-router" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root \
        --pid-file= --enable-ra --dhcp-range=fd77::,ra-only --interface=eth0 --bind-interfaces \
        --ra-param=eth0,4,60 2>/dev/null &
    advertiser=$!
    cleanup "kill $advertiser && wait $advertiser"
}

# expect WHAT TEXT PATTERN
expect() { grep -qE -- "$3" <<<"$2" || fail "$1: expected $3 in: $2"; }
