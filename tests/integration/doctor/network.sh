# Networks that clients can't be served on: interfaces, netmasks, firewalls, DHCP servers. In network
# namespaces of its own: "server", where the doctor is, and "router".
source "$(dirname "$0")/doctor.sh"
requires ip nft dnsmasq nbdkit sysctl python3
[ "$(id -u)" = 0 ] || { echo "skipped: network namespaces need root"; exit 77; }
net=bvd$$
for machine in server router; do
    ip netns add "$net-$machine" 2>/dev/null && ip netns exec "$net-$machine" true 2>/dev/null || {
        echo "skipped: no network namespaces here"
        exit 77
    }
    cleanup "ip netns del $net-$machine"
    cleanup "ip netns pids $net-$machine | xargs -r kill"
    ip -n "$net-$machine" link set lo up
done
server() { ip netns exec "$net-server" "$@"; }
before=(ip netns exec "$net-server")
fixing=(ip netns exec "$net-server" bash -c)
arguments=(--nbd-port 10809)

examine
finds failure network-none
ip -n "$net-router" link add eth0 type veth peer name eth0 netns "$net-server" 2>/dev/null || {
    echo "skipped: this kernel has no veth"
    exit 77
}
ip -n "$net-router" link set eth0 up
ip -n "$net-router" address add 192.168.77.254/24 dev eth0
mends failure network-down
no network-none
mends failure network-no-address
examine
finds warning network-no-default-route
ip -n "$net-server" route add default via 192.168.77.254
examine
no network-no-default-route
has network || fail "the network is not fine: $(all_said)"
server ip address add 169.254.7.7/16 dev eth0
examine
finds warning network-link-local
server ip address flush dev eth0
server ip address add 192.168.77.1/32 dev eth0
mends warning network-netmask
server ip address add 172.17.0.2/16 dev eth0
before=(ip netns exec "$net-server" bash -c 'mount -t tmpfs none /run && touch /run/.containerenv && exec "$@"' -)
examine --listen 172.17.0.2
finds warning network-behind-nat
before=(ip netns exec "$net-server")
server ip address delete 172.17.0.2/16 dev eth0
ip -n "$net-server" route add default via 192.168.77.254

# Two cards: what is said is of the one that clients are on, wherever the default route leads.
no network-several
ip -n "$net-server" link add eth1 type veth peer name eth2
ip -n "$net-server" link set eth1 up
ip -n "$net-server" address add 10.77.0.1/24 dev eth1
examine
finds warning network-several 'eth0 (192.168.77.1), eth1 (10.77.0.1)'
[ "$(said network what)" = 'clients reach 192.168.77.1 on eth0' ] || fail "not by the default route: $(all_said)"
examine --interface eth1
no network-several
[ "$(said network what)" = 'clients reach 10.77.0.1 on eth1' ] || fail "not the one that was named: $(all_said)"
examine --listen 10.77.0.1
[ "$(said network what)" = 'clients reach 10.77.0.1 on eth1' ] || fail "not the one that is listened on: $(all_said)"
examine --interface eht1
finds warning interface-missing 'eth0'
[[ $(said interface-missing fix) == *'--interface eth1' ]] || fail "not the nearest: $(said interface-missing fix)"
ip -n "$net-server" link delete eth1

# Firewalls. One that says nothing lets everybody in.
examine
[ "$(said firewall severity)" = fine ] || fail "no rules, and yet: $(all_said)"
server nft -f - <<'END'
table inet filter {
    set allowed { type inet_service; elements = { 22, 80 }; }
    chain local { udp dport 67 drop; }
    chain input {
        type filter hook input priority 0; policy drop;
        iifname "lo" accept
        ct state invalid drop
        tcp dport @allowed accept
        meta l4proto icmp accept
        udp dport 60-70 jump local
    }
}
END
# serve does not begin where it is certain that nobody gets in.
if [ -e /dev/fuse ]; then
    prepare_images
    arguments=(--nbd-port 10809)
    status=0
    server timeout 60 "$BOOTVIEW" serve "$image" >"$scratch/out" 2>"$scratch/errors" || status=$?
    [ "$status" = 1 ] && [ "$(wc -l <"$scratch/errors")" = 1 ] && grep -q 'NBD port 10809: the firewall drops it' "$scratch/errors" &&
        grep -q '"nft insert rule inet filter input tcp dport 10809 accept"' "$scratch/errors" ||
        fail "serve behind a shut firewall: status $status: $(cat "$scratch/out" "$scratch/errors")"
fi
mends failure firewall-drops-nbd
mends failure firewall-drops-tftp
mends failure firewall-drops-tftp-transfers
has firewall || fail "all is let in now, and yet: $(all_said)"
examine --listen 127.0.0.1
no firewall-drops-nbd
server nft flush ruleset
server nft -f - <<'END'
table ip filter {
    chain input {
        type filter hook input priority 0; policy drop;
        ip saddr 192.168.77.0/24 accept
    }
}
END
examine
finds unchecked firewall-depends
no firewall-drops-nbd
if setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$BOOTVIEW"; then
    before=(ip netns exec "$net-server" setpriv --reuid 65534 --regid 65534 --clear-groups)
    examine --dhcp-proxy
    finds unchecked firewall-unread
    finds unchecked dhcp-not-asked
    finds failure dhcp-proxy-denied
    examine --tftp-port 69
    finds failure tftp-port-denied
    # Where this kernel's settings may be changed.
    if server bash -c 'sysctl -q -w net.ipv4.ip_unprivileged_port_start=1024' 2>/dev/null; then
        mends warning tftp-port-denied
    fi
    before=(ip netns exec "$net-server")
fi
server nft flush ruleset

# DHCP. Servers run in "router", but for the one that the doctor's own line starts.
serve_dhcp() { # ARGUMENT...
    : >"$scratch/dhcp.log"
    ip netns exec "$net-router" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root --pid-file= \
        --dhcp-leasefile="$scratch/leases" --dhcp-authoritative --no-ping --log-facility=- "$@" 2>"$scratch/dhcp.log" &
    dhcp_server=$!
    cleanup "kill $dhcp_server"
    wait_until grep -q 'DHCP, ' "$scratch/dhcp.log"
}
stop_dhcp() { kill "$dhcp_server" && wait "$dhcp_server" || true; }
examine --dhcp-proxy
finds failure dhcp-server-missing
fix=$(said dhcp-server-missing fix)
server bash -c "$fix --conf-file=/dev/null --user=root --pid-file=$scratch/dnsmasq.pid --dhcp-leasefile=$scratch/own-leases --no-ping"
wait_until test -s "$scratch/dnsmasq.pid"
examine --dhcp-proxy
no dhcp-server-missing
kill "$(cat "$scratch/dnsmasq.pid")"
serve_dhcp --dhcp-range=192.168.77.100,192.168.77.199,255.255.255.0,600
server nft add table inet filter
server nft add chain inet filter input '{ type filter hook input priority 0; }'
server nft add rule inet filter input udp dport '{ 67, 4011 }' drop
examine --dhcp-proxy
finds failure firewall-drops-dhcp
has dhcp || fail "a DHCP server is there: $(all_said)"
fix=$(said firewall-drops-dhcp fix)
server bash -c "$fix"
examine --dhcp-proxy
finds failure firewall-drops-dhcp 4011
server nft flush ruleset
# A client is told by the proxy, which runs where the doctor does.
mkdir "$scratch/files"
echo loader >"$scratch/files/pxelinux.0"
ip netns exec "$net-server" "$TFTP_BRIDGE" --root "$scratch/files" --listen :69 --dhcp-proxy 2>"$scratch/bridge.log" &
bridge=$!
cleanup "kill $bridge"
wait_until grep -q 'listening on' "$scratch/bridge.log"
examine --as 52:54:00:12:34:56 --dhcp-proxy --listen 192.168.77.1
all_said | grep -q 'fine dhcp: .*our proxy says what to load' || fail "our own proxy was not heard: $(all_said)"
all_said | grep -q 'fine client-tftp: pxelinux.0' || fail "nothing was fetched: $(all_said)"
kill "$bridge"
wait "$bridge" || true
examine --as 52:54:00:12:34:56 --dhcp-proxy
finds failure dhcp-proxy-silent
finds failure client-not-told

# PCs with roots of their own: each firmware is told what lies there, and its loader reads that, not what lies beside it.
make_kernel "$scratch/vmlinuz" "$kernel"
for root in all chain; do
    mkdir -p "$scratch/files/$root/grub" "$scratch/files/$root/pxelinux.cfg"
    cp "$scratch/vmlinuz" "$scratch/files/$root/vmlinuz"
    head -c 100000 /dev/zero >"$scratch/files/$root/initrd.img"
done
cd "$scratch/files/all"
echo loader | tee pxelinux.0 ldlinux.c32 grubnetx64.efi >/dev/null
printf 'LABEL linux\n KERNEL vmlinuz\n INITRD initrd.img\n APPEND nbdroot=boot:/all root=LABEL=r\n' >pxelinux.cfg/default
printf "menuentry 'a' {\n linux /vmlinuz nbdroot=boot:/all root=LABEL=r\n initrd /initrd.img\n}\n" >grub/grub.cfg
cd "$scratch/files/chain"
echo loader >snponly.efi
printf '#!ipxe\nkernel vmlinuz initrd=initrd.img nbdroot=boot:/${net0/mac:hexhyp}\ninitrd initrd.img\nboot\n' >boot.ipxe
cd "$scratch"
cat >"$scratch/bridge.toml" <<'END'
adopt = false
dhcp-proxy = true
[[client]]
mac = "52:54:00:12:34:55"
root = "all"
[[client]]
mac = "52:54:00:12:34:57"
root = "chain"
END
server nbdkit --foreground --port 10809 --ipaddr 192.168.77.1 memory 1M </dev/null >/dev/null 2>&1 &
cleanup "kill -KILL $!"
wait_until eval "server ss -Hltn | grep -q 192.168.77.1:10809"
start_proxy() { # ARGUMENT...
    ip netns exec "$net-server" "$TFTP_BRIDGE" --root "$scratch/files" --listen :69 "$@" 2>"$scratch/bridge.log" &
    bridge=$!
    cleanup "kill $bridge"
    wait_until grep -q 'listening on' "$scratch/bridge.log"
}
start_proxy --config "$scratch/bridge.toml"
arguments=(--nbd-port 10809 --listen 192.168.77.1 --dhcp-proxy)
told() { all_said | grep -q "fine client-dhcp: $1: is told $2 by 192.168.77.1" || fail "$1 is not told $2: $(all_said)"; }
fetched() { all_said | grep -q "fine client-tftp: $1: $2 bytes in" || fail "$1 was not fetched: $(all_said)"; }
examine --as 52:54:00:12:34:55
told BIOS pxelinux.0
told UEFI grubnetx64.efi
for file in pxelinux.0 ldlinux.c32 grubnetx64.efi; do fetched $file 7; done
for file in pxelinux.cfg/default grub/grub.cfg vmlinuz; do fetched $file '[0-9]*'; done
fetched initrd.img 100000
has client-root || fail "not in its own root: $(all_said)"
all_said | grep -q 'fine client-nbd: nbd://192.168.77.1:10809/all: 1048576 bytes' || fail "no NBD: $(all_said)"
! has client-file-missing && ! has client-without-nbdroot || fail "it boots, and yet: $(all_said)"
# GRUB does not hear of the proxy. What only one of them misses may not matter.
finds warning client-grub-elsewhere 192.168.77.254
[ "$(said client-grub-elsewhere fix)" = 'bootview dhcp-snippet dnsmasq --server 192.168.77.1 --x64 grubnetx64.efi' ] ||
    fail "no line for GRUB: $(said client-grub-elsewhere fix)"
rm "$scratch/files/all/grub/grub.cfg"
examine --as 52:54:00:12:34:55
finds warning client-configuration-missing grubnetx64.efi
rm "$scratch/files/all/pxelinux.cfg/default"
examine --as 52:54:00:12:34:55
finds failure client-configuration-missing pxelinux.0
examine --as 52:54:00:12:34:57
told UEFI snponly.efi
told 'iPXE, by UEFI' boot.ipxe
fetched initrd.img 100000
all_said | grep -q 'fine client-nbd: nbd://192.168.77.1:10809/52-54-00-12-34-57: 1048576 bytes' || fail "no NBD: $(all_said)"
rm "$scratch/files/chain/boot.ipxe"
examine --as 52:54:00:12:34:57
finds failure client-not-told 'iPXE, by UEFI'
examine --as 52:54:00:12:34:58 # whom nobody has named
finds failure client-not-told
# A DHCP server that names us.
stop_dhcp
serve_dhcp --dhcp-range=192.168.77.100,192.168.77.199,255.255.255.0,600 --dhcp-boot=,,192.168.77.1
examine --as 52:54:00:12:34:55
told UEFI grubnetx64.efi
no client-grub-elsewhere
# Who asks for no address is not told; what is in its root is found all the same.
arguments=(--nbd-port 10809 --listen 192.168.77.1)
examine --as 52:54:00:12:34:57
fetched snponly.efi 7
finds failure client-configuration-missing snponly.efi
kill "$bridge"
wait "$bridge" || true
arguments=(--nbd-port 10809)
stop_dhcp
serve_dhcp --dhcp-range=192.168.77.100,192.168.77.199,255.255.255.0,600 --dhcp-boot=pxelinux.0
examine --dhcp-proxy
finds warning dhcp-server-sends-pxe pxelinux.0
stop_dhcp
serve_dhcp --dhcp-range=192.168.77.0,proxy --pxe-service=x86PC,Other,pxelinux
examine --dhcp-proxy
finds failure dhcp-other-proxy 192.168.77.254
stop_dhcp
ip -n "$net-router" address add 10.9.0.1/16 dev eth0
ip -n "$net-router" address delete 192.168.77.254/24 dev eth0
serve_dhcp --dhcp-range=10.9.1.100,10.9.1.199,255.255.0.0,600
examine --dhcp-proxy
finds warning dhcp-other-subnet
server ip address add 10.9.0.2/24 dev eth0
ip -n "$net-server" address delete 192.168.77.1/24 dev eth0
ip -n "$net-server" route replace default via 10.9.0.1
stop_dhcp
serve_dhcp --dhcp-range=10.9.0.100,10.9.0.199,255.255.0.0,600
mends warning dhcp-netmask-differs --dhcp-proxy
stop_dhcp
server python3 -c 'import socket, sys, time
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
sockets[0].bind(("0.0.0.0", 4011))
sockets[1].bind(("0.0.0.0", 67))
open(sys.argv[1], "w").close()
time.sleep(1000)' "$scratch/held" &
cleanup "kill $!"
wait_until test -e "$scratch/held"
examine --dhcp-proxy
finds failure pxe-port-taken python3
finds fine dhcp-port-shared python3
eval "$(said pxe-port-taken fix)"
wait_until eval "! server ss -lun | grep -q :4011"
examine --dhcp-proxy
no pxe-port-taken

# A proxy that was left here, as beside nobodd: dnsmasq keeps port 4011 for itself.
ip netns exec "$net-server" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --pid-file= --dhcp-leasefile="$scratch/leases2" \
    --dhcp-range=10.9.0.0,proxy --pxe-service='0,Raspberry Pi Boot' </dev/null >"$scratch/left.log" 2>&1 &
left=$!
cleanup "kill $left"
wait_until eval "server ss -lun | grep -q :4011"
examine --dhcp-proxy
finds failure pxe-port-taken "dnsmasq (process $left)"
head -c 1M /dev/zero >"$scratch/none.img"
! server "$BOOTVIEW" serve --dhcp-proxy --nbd-port 0 --tftp-port 0 "$scratch/none.img" 2>"$scratch/line" || fail "serve starts beside it"
grep -qF "dnsmasq (process $left); type: $(said pxe-port-taken fix)" "$scratch/line" || fail "serve says: $(cat "$scratch/line")"
eval "$(said pxe-port-taken fix)"
wait_until eval "! server ss -lun | grep -q :4011"
# Others share it, so that both can be bound, and nobody is told.
rm "$scratch/held"
server python3 -c 'import socket, sys, time
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for one, port in zip(sockets, (67, 4011)):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("0.0.0.0", port))
open(sys.argv[1], "w").close()
time.sleep(1000)' "$scratch/held" &
cleanup "kill $!"
wait_until test -e "$scratch/held"
examine --dhcp-proxy
finds warning dhcp-second-proxy python3
no pxe-port-taken
eval "$(said dhcp-second-proxy fix)"
wait_until eval "! server ss -lun | grep -q :4011"
examine --dhcp-proxy
no dhcp-second-proxy
echo "$found findings"
