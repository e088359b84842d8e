# Machines of other networks come by a relay agent. One privilege is enough; and sockets may come from
# the service manager, then none is needed. If this fails, boot servers in larger networks, or hardened ones, are
# silent.
source "$(dirname "$0")/network.sh"
requires curl
make_network
mkdir -p "$scratch/root"
touch "$scratch/root/pxelinux.0"
echo hello >"$scratch/root/hello"

start_bridge --dhcp-proxy --relay
answer=$(in_ns router timeout 60 "$BOOT_ROM" eth0 relay bios 10.77.0.2 10.77.0.1) || fail "no answer to the relay"
expect relay "$answer" '^from=10.77.0.2 your=0.0.0.0 server=10.77.0.2 relay=10.77.0.1 flags=8000 .* file=pxelinux.0 .* 82:0103616263$'
rom ask bios 1 >/dev/null || fail "no answer to the network itself"
stop_bridge

# As nobody, who must be able to find the program and the files.
command -v setpriv >/dev/null || { echo "left out: what runs without privileges, for want of setpriv"; exit; }
chmod 755 "$scratch"
cp "$TFTP_BRIDGE" "$scratch/tftp-bridge"
TFTP_BRIDGE=$scratch/tftp-bridge
nobody=("$(command -v setpriv)" --reuid=65534 --regid=65534 --clear-groups)
ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0

serves_all() {
    answer=$(rom ask bios 1) || fail "$1: no answer on port 67"
    expect "$1" "$answer" '^from=10.77.0.2 .* server=10.77.0.2 .* file=pxelinux.0 '
    rom ask4011 bios 10.77.0.2 68 >/dev/null || fail "$1: no answer on port 4011"
    [ "$(in_ns rom curl -s --max-time 30 tftp://10.77.0.2/hello)" = hello ] || fail "$1: no file"
    grep -q '^CapEff:.*'"$2"'$' "/proc/$bridge/status" || fail "$1: $(grep Cap "/proc/$bridge/status")"
    [ "$(awk '/^Uid/ {print $3}' "/proc/$bridge/status")" = 65534 ] || fail "$1: not nobody"
}

RUN_AS=("${nobody[@]}" "--bounding-set=-all,+net_bind_service" "--inh-caps=-all,+net_bind_service"
    "--ambient-caps=-all,+net_bind_service" --no-new-privs --)
start_bridge --dhcp-proxy
serves_all "with CAP_NET_BIND_SERVICE alone" 0000000000000400
stop_bridge

# setpriv keeps the process, so LISTEN_PID is still right.
cp "$BOOT_ROM" "$scratch/boot-rom"
RUN_AS=("$scratch/boot-rom" - activate "${nobody[@]}" --bounding-set=-all --inh-caps=-all --no-new-privs --)
start_bridge --dhcp-proxy
serves_all "with inherited sockets and no capability" 0000000000000000
stop_bridge
