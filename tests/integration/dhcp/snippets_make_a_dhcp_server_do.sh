# What `bootview dhcp-snippet` prints makes a plain DHCP server tell every kind of machine what to load. If this fails,
# those who take no DHCP proxy onto their network copy something that does not work.
#
# BOOTVIEW is the program.
source "$(dirname "$0")/network.sh"
requires dnsmasq
make_network
snippet() { "$BOOTVIEW" dhcp-snippet "$1" --server 10.77.0.2; }

pi_menu=43:0601030a04005058450917000014$(printf 'Raspberry Pi Boot   ' | od -An -v -tx1 | tr -d ' \n')ff
# tells_every_machine FROM: what comes from the DHCP server.
tells_every_machine() {
    local machine name file answers
    for machine in pi3 pi4 pi5; do
        answers=$(rom ask "$machine" 1) || fail "$1: $machine got: $answers"
        expect "$1: $machine" "$answers" "^from=10.77.0.1 your=10\.77\.0\.1[0-9]+ server=10.77.0.2 .*$pi_menu"
    done
    for machine in bios:pxelinux.0 x64:EFI/BOOT/BOOTX64.EFI ebc:EFI/BOOT/BOOTX64.EFI arm64:EFI/BOOT/BOOTAA64.EFI; do
        IFS=: read -r name file <<<"$machine"
        answers=$(rom ask "$name" 1) || fail "$1: $name got: $answers"
        expect "$1: $name" "$answers" "^from=10.77.0.1 your=10\.77\.0\.1[0-9]+ server=10.77.0.2 .*(file=$file|67:$(printf %s "$file" | od -An -v -tx1 | tr -d ' \n'))"
    done
    answers=$(rom ask plain 1) || fail "$1: an ordinary machine got: $answers"
    ! grep -q "$pi_menu" <<<"$answers" || fail "$1: an ordinary machine got the menu of a Pi"
}
stop_dhcp_server() { kill "$dhcp_server" && wait "$dhcp_server" || true; }

snippet dnsmasq >"$scratch/snippet"
start_dhcp_server router --conf-file="$scratch/snippet"
tells_every_machine dnsmasq
stop_dhcp_server

# OpenWrt's router is dnsmasq too, started with what its script makes of the sections.
snippet openwrt >"$scratch/commands"
python3 "$(dirname "$0")/../../support/openwrt_dnsmasq.py" "$scratch/commands" >"$scratch/snippet"
start_dhcp_server router --conf-file="$scratch/snippet"
tells_every_machine openwrt
stop_dhcp_server

if command -v dhcpd >/dev/null; then
    { snippet isc; echo 'authoritative; subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.100 10.77.0.199; }'; } >"$scratch/dhcpd.conf"
    : >"$scratch/dhcpd.leases"
    ip netns exec "$net-router" dhcpd -4 -f -d -cf "$scratch/dhcpd.conf" -lf "$scratch/dhcpd.leases" -pf "$scratch/dhcpd.pid" eth0 2>"$scratch/dhcpd.log" &
    dhcp_server=$!
    cleanup "kill $dhcp_server && wait $dhcp_server"
    wait_until grep -q 'Server starting service' "$scratch/dhcpd.log"
    tells_every_machine isc
    stop_dhcp_server
else
    echo "left out: ISC DHCP is not installed"
fi

# Kea's is JSON with comments.
snippet kea | sed '1d; s/^/    /' | { echo '{'; cat; echo '}'; } | python3 -c '
import json, sys
classes = json.load(sys.stdin)["client-classes"]
assert [c["name"] for c in classes] == ["bootview-pi", "bootview-bios", "bootview-x64", "bootview-arm64"]
'
if command -v kea-dhcp4 >/dev/null; then
    { echo '{ "Dhcp4": { "interfaces-config": { "interfaces": [] }, "lease-database": { "type": "memfile", "persist": false },'
        snippet kea
        echo '} }'; } >"$scratch/kea.conf"
    kea-dhcp4 -t "$scratch/kea.conf" >"$scratch/kea.log" 2>&1 || fail "kea: $(cat "$scratch/kea.log")"
else
    echo "left out: Kea is not installed"
fi
