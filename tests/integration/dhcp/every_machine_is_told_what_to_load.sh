# Boot ROMs of all kinds get their address from a plain DHCP server and what to load from us. If
# this fails, machines do not boot next to the DHCP server of somebody's router.
source "$(dirname "$0")/network.sh"
requires dnsmasq
make_network
start_dhcp_server router
mkdir -p "$scratch/root/EFI/BOOT"
touch "$scratch/root/pxelinux.0" "$scratch/root/EFI/BOOT/BOOTX64.EFI"
start_bridge --dhcp-proxy --log-level debug

pi_menu='43:0601030a04005058450917000014526173706265727279205069'
for machine in pi3 pi3+ pi4 pi5; do
    answers=$(rom ask "$machine" 2) || fail "$machine got: $answers"
    # An offer with an address, and ours with the text it looks for.
    expect "$machine" "$answers" '^from=10.77.0.1 your=10\.77\.0\.1[0-9]+ '
    expect "$machine" "$answers" "^from=10.77.0.2 your=0.0.0.0 server=10.77.0.2 .* file= 53:02 .*$pi_menu"
done
for machine in bios:pxelinux.0:43:060108ff ipxe:pxelinux.0:43:060108ff \
    x64:EFI/BOOT/BOOTX64.EFI:97: ebc:EFI/BOOT/BOOTX64.EFI:97:; do
    IFS=: read -r name file options <<<"$machine"
    answers=$(rom ask "$name" 2) || fail "$name got: $answers"
    expect "$name" "$answers" '^from=10.77.0.1 your=10\.77\.0\.1[0-9]+ '
    expect "$name" "$answers" \
        "^from=10.77.0.2 your=0.0.0.0 server=10.77.0.2 relay=0.0.0.0 flags=8000 sname=10.77.0.2 file=$file 53:02 .*$options"
done

# UEFI firmware asks again, from port 4011, and U-Boot's kind from 68.
ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0
for port in 4011 68; do
    answer=$(rom ask4011 x64 10.77.0.2 $port) || fail "no answer to port $port"
    expect "port 4011" "$answer" '^from=10.77.0.2 your=0.0.0.0 server=10.77.0.2 .* file=EFI/BOOT/BOOTX64.EFI 53:05 '
done

# For what there is nothing to load, there is no answer.
kill "$dhcp_server"
wait "$dhcp_server" || true
for machine in arm64 http plain; do
    rom silent "$machine" bios >/dev/null || fail "$machine was answered"
done
stop_bridge
