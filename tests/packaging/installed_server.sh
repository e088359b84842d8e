#!/bin/bash
# A boot server from the packages, under a systemd that runs: apt installs them, one image is named, bootview.target is
# started, and a diskless PC boots from it and lives on while the server is rebooted and its packages are upgraded.
# Purged, they leave nothing but the images.
#     installed_server.sh [DIRECTORY]    of the .deb files that packaging/build-debs has made; default: build/debs
# BUILD is the build directory, with the tests; default: build/release.
#
# Two virtual machines: the server with a disk of its own, in the place of "boot"; and the PC of tests/e2e.
source "$(dirname "$0")/../e2e/machine.sh"
BOOT_ROM=$BUILD/tests/integration/dhcp/boot-rom
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
debs=$(readlink -m "${1:-$here/../../build/debs}")
server_packages="bootview nbdkit-plugin-bootview fuse-fatimg tftp-bridge"
files=()
for package in $server_packages; do
    files+=("$debs/$package"_*.deb)
    [ -f "${files[-1]}" ] || { echo "skipped: no ${files[-1]}; packaging/build-debs"; exit 77; }
done
make_place
made=$("$here/server-image" "${files[@]}") || { echo "skipped: there is no server, see above"; exit 77; }
ip -n "$net-boot" addr flush dev eth0 # that address is the server's
plug_virtual_machine tap1

# --- what is brought to the server on a second disk: the packages, newer ones, the image --------------------------

mkdir -p "$scratch/delivery"/{debs,newer}
cp "${files[@]}" "$scratch/delivery/debs/"
cp --sparse=always "$image" "$scratch/delivery/debian.img"
for file in "${files[@]}"; do
    old_version=$(dpkg-deb -f "$file" Version)
    dpkg-deb -R "$file" "$scratch/tree"
    sed -i "s/$old_version/$old_version+newer/g" "$scratch/tree/DEBIAN/control"
    dpkg-deb -b -Znone "$scratch/tree" "$scratch/delivery/newer/" >/dev/null
    rm -rf "$scratch/tree"
done
mke2fs -q -F -t ext4 -O ^has_journal -m 0 -d "$scratch/delivery" "$scratch/delivery.img" 800M
rm -rf "$scratch/delivery"
cp --sparse=always "$made/disk.img" "$scratch/server.img"

server_on() {
    rm -f "$scratch/server-agent"
    ip netns exec "$net-switch" setpriv --pdeathsig TERM qemu-system-x86_64 -nodefaults -no-user-config -display none \
        -machine pc,graphics=off -accel tcg -cpu max -smp 1 -m 768 -no-reboot \
        -kernel "$made/vmlinuz" -initrd "$made/initrd.img" -append 'root=/dev/vda rw console=ttyS0,115200 quiet' \
        -drive "file=$scratch/server.img,format=raw,if=virtio" -drive "file=$scratch/delivery.img,format=raw,if=virtio,readonly=on" \
        -netdev tap,id=net,ifname=tap1,script=no,downscript=no -device virtio-net-pci,netdev=net,mac=52:54:00:00:00:02,romfile= \
        -chardev "file,id=console,path=$scratch/server-console,append=on" -serial chardev:console \
        -chardev "socket,id=agent,path=$scratch/server-agent,server=on,wait=off" -serial chardev:agent \
        </dev/null >"$scratch/server-qemu.log" 2>&1 &
    server_machine=$!
    cleanup "kill $server_machine && wait $server_machine"
    wait_until test -S "$scratch/server-agent"
    on_server 600 --again <<<true >"$scratch/said" || server_failed "the server has not booted"
}
server_failed() {
    { echo "--- the server's console:"; tr -cd '[:print:]\n' <"$scratch/server-console" | tail -n 30; cat "$scratch/said"; } >&2
    on_server 60 <<<'systemctl --no-pager --failed; journalctl --no-pager -b -n 60' >&2 || true
    fail "$1"
}
on_server() { "$e2e/guest-run" "$scratch/server-agent" "$@"; }
# server WHAT SECONDS: the script from standard input has to succeed there.
server() { on_server "$2" >"$scratch/said" || server_failed "$1"; }

# lives WHAT: the PC can write to its root, and has seen no error.
lives() {
    guest 600 <<<'date >>/root/lives && sync /root/lives; ! dmesg | grep -iE "I/O error|EXT4-fs (error|warning)|Aborting journal"' \
        >"$scratch/said" || { say_why >&2; fail "$1: $(cat "$scratch/said")"; }
    echo "$1: the PC lives on"
}

# What say_why shows, beside the PC's side.
pc_booted() {
    guest 600 --again <<<true || {
        on_server 60 <<<'journalctl --no-pager -b -n 60 -u "bootview*" -u "tftp-bridge*"' >"$scratch/server.log" || true
        say_why >&2
        fail "the PC has not booted"
    }
}

all_active='for unit in bootview.target bootview-nbd.socket bootview-boot.service bootview-monitor.service tftp-bridge.service; do systemctl is-active $unit || exit 1; done'

server_on
server 'list what is there' 300 <<'SCRIPT'
find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg \
    -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /root \) -prune -o -print | sort >/root/before
SCRIPT

# --- installed -------------------------------------------------------------------------------------------------------

server 'apt installs the packages' 900 <<'SCRIPT'
mount -o ro /dev/vdb /media && DEBIAN_FRONTEND=noninteractive apt-get install --yes /media/debs/*.deb
SCRIPT
server 'nothing runs before it is wished' 60 <<'SCRIPT'
! systemctl is-active bootview.target bootview-nbd.socket tftp-bridge.service | grep -qx active
SCRIPT
server 'the image is named, the target is started' 300 <<'SCRIPT'
set -e
cp --sparse=always /media/debian.img /var/lib/bootview/images/
chown bootview: /var/lib/bootview/images/debian.img
cat >>/etc/bootview/bootview.toml <<'CONFIGURATION'
[[client]]
name = "pc"
mac = "52:54:00:12:34:56"
root = "debian"
[[client]]
name = "rom"
mac = "52:54:00:12:34:55"
root = "debian"
CONFIGURATION
sed -i 's/^dhcp-proxy = false/dhcp-proxy = true/' /etc/bootview/bootview.toml
systemctl enable --now bootview.target
SCRIPT
server 'all runs' 60 <<<"$all_active"
echo "installed, and started"
# An emulated server that answers for the first time is slower than a boot ROM is patient.
answers=$(rom ask bios 2) || server_failed "a boot ROM got: $answers"
expect 'what a boot ROM is told' "$answers" '^from=10.77.0.2 .* file=pxelinux.0 '
began=$SECONDS
power_on
pc_booted
echo "the PC has booted in $((SECONDS - began)) s"
lives 'booted'
server 'bootview log tells the boot' 60 <<<'bootview log pc | tee /dev/stderr | grep "wrote to disk debian"; bootview status'
server 'and so does the journal' 60 <<<'journalctl BOOTVIEW_CLIENT=pc BOOTVIEW_EVENT=first-write | grep "pc wrote to disk debian"'
server 'writes show at once' 60 <<<'journalctl --unit bootview-boot.service | grep "debian.img: attached to"'

# --- every part restarted, the server rebooted, the packages upgraded ------------------------------------------------

for unit in bootview-nbd.service bootview-boot.service bootview-monitor.service tftp-bridge.service bootview.target; do
    server "restart $unit" 120 <<<"systemctl restart $unit"
    lives "$unit was restarted"
done
server 'reload the clients' 120 <<<'systemctl reload tftp-bridge.service && systemctl is-active tftp-bridge.service'

on_server 30 <<<'(sleep 1; systemctl --no-block reboot) >/dev/null 2>&1 &' || true
for ((i = 0; i < 3000; i++)); do kill -0 "$server_machine" 2>/dev/null || break; sleep 0.1; done
! kill -0 "$server_machine" 2>/dev/null || server_failed "the server does not go down"
server_on
lives 'the server was rebooted'
server 'all is back after the reboot' 300 <<<"until ($all_active); do sleep 1; done"
fetched debian/vmlinuz >/dev/null

server 'upgrade' 900 <<<'mount -o ro /dev/vdb /media && DEBIAN_FRONTEND=noninteractive apt-get install --yes /media/newer/*.deb && dpkg-query -W -f "\${Version}\n" bootview | grep newer'
server 'all runs after the upgrade' 120 <<<"$all_active"
lives 'the packages were upgraded'
guest <<<'(sleep 1; systemctl --no-block reboot) >/dev/null 2>&1 &' || true
off 600
power_on
pc_booted
echo "the PC has booted from the upgraded server"
switched_off 300

# --- purged ----------------------------------------------------------------------------------------------------------

server 'purge' 600 <<<"DEBIAN_FRONTEND=noninteractive apt-get purge --yes $server_packages"
on_server 300 >"$scratch/left" <<'SCRIPT'
find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg \
    -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /root \) -prune -o -print | sort >/root/after
comm -13 /root/before /root/after
systemctl --no-legend --plain list-units 'bootview*' 'tftp-bridge*' 'fuse-fatimg*'
SCRIPT
grep -vxE '/etc/(passwd|group|shadow|gshadow)-|/var/lib/bootview(/images(/debian\.img)?)?' "$scratch/left" >"$scratch/too-much" || true
[ ! -s "$scratch/too-much" ] || fail "a purge has left behind: $(cat "$scratch/too-much")"
grep -qx '/var/lib/bootview/images/debian.img' "$scratch/left" || fail 'a purge has taken the image away'
echo "purged; the image is still there"
