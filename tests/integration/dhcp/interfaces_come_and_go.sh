# Addresses change and interfaces come and go while it runs. If this fails, machines are sent to an
# address that the server no longer has.
source "$(dirname "$0")/network.sh"
make_network
mkdir -p "$scratch/root"
touch "$scratch/root/pxelinux.0"
start_bridge --dhcp-proxy

server_is() { rom ask bios 1 | grep -q "^from=$1 .* server=$1 "; }
server_is 10.77.0.2 || fail "not answered at first"

ip -n "$net-boot" addr add 10.77.0.9/24 dev eth0
ip -n "$net-boot" addr del 10.77.0.2/24 dev eth0
ip -n "$net-boot" addr replace 10.77.0.9/24 dev eth0
wait_until server_is 10.77.0.9

# Its cable is pulled out, and it comes back as another interface.
ip -n "$net-boot" link del eth0
wait_until grep -q 'no interface yet' "$scratch/log"
plug boot lan1
ip -n "$net-boot" addr add 10.77.0.3/24 dev lan1
wait_until server_is 10.77.0.3
stop_bridge

# One that is named is waited for; others get no answer.
start_bridge --dhcp-proxy --interface lan2
grep -q -- '--interface lan2: it is not there' "$scratch/log" || fail "$(cat "$scratch/log")"
plug boot lan2
ip -n "$net-boot" addr add 10.77.0.4/24 dev lan2
wait_until server_is 10.77.0.4
stop_bridge
