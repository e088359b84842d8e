# Machines of other networks come by a relay agent. Sockets may come from the service manager, and
# then no privilege is needed. If this fails, boot servers in larger networks, or hardened ones, are
# silent.
source "$(dirname "$0")/network.sh"
make_network
mkdir -p "$scratch/root"
touch "$scratch/root/pxelinux.0"

start_bridge --dhcp-proxy --relay
answer=$(in_ns router timeout 60 "$BOOT_ROM" eth0 relay bios 10.77.0.2 10.77.0.1) || fail "no answer to the relay"
expect relay "$answer" '^from=10.77.0.2 your=0.0.0.0 server=10.77.0.2 relay=10.77.0.1 flags=8000 .* file=pxelinux.0 .* 82:0103616263$'
rom ask bios 1 >/dev/null || fail "no answer to the network itself"
stop_bridge

RUN_AS=("$BOOT_ROM" - activate)
if command -v setpriv >/dev/null; then
    RUN_AS+=("$(command -v setpriv)" --bounding-set=-all --inh-caps=-all --)
fi
# setpriv keeps the process, so LISTEN_PID is still right.
start_bridge --dhcp-proxy --listen 127.0.0.1:0
answer=$(rom ask bios 1) || fail "no answer by inherited sockets"
expect "inherited sockets" "$answer" '^from=10.77.0.2 .* server=10.77.0.2 .* file=pxelinux.0 '
ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0
rom ask4011 bios 10.77.0.2 68 >/dev/null || fail "no answer on port 4011 by an inherited socket"
stop_bridge
