# The network card that the root hangs on keeps its address whatever manages networks in the PC, at boot and when it is
# restarted, and its lease is renewed. If this fails, an upgrade of NetworkManager kills the machine, or another one gets its
# address after some hours.
source "$(dirname "$0")/machine.sh"
make_place managers
bootview_serve
power_on
booted 900
card=$(guest <<<'cd /run && set -- net-*.conf && echo "${1#net-}"')
card=${card%.conf}
address=$(guest <<<"ip -4 -o addr show dev $card" | grep -o 'inet [0-9.]*')
echo "the card is $card, $address"

# As many an image has it.
guest <<<"printf 'auto lo\niface lo inet loopback\nauto $card\niface $card inet dhcp\n' >/etc/network/interfaces; sync"
acknowledged() { grep -c "DHCPACK(eth0) ${address#inet } 52:54:00:12:34:56" "$scratch/dhcp-router.log"; }
more_acknowledged_than() { [ "$(acknowledged)" -gt "$1" ]; }
# Each question is answered from the disk, and not from memory.
root_answers() {
    guest 300 <<<'echo 3 >/proc/sys/vm/drop_caches; find / -xdev -type f -size -64k | head -n 300 | xargs cat | wc -c; date >/root/when && sync /root/when' >"$scratch/answer" ||
        { say_why >&2; fail "$1: the root does not answer"; }
    [ "$(guest <<<"ip -4 -o addr show dev $card" | grep -o 'inet [0-9.]*')" = "$address" ] ||
        fail "$1: the address is no longer $address alone: $(guest <<<"ip -4 -o addr show dev $card")"
}

before=$(acknowledged)
rebooted 900
root_answers "after a boot with all of them"
# The firmware, the boot loader's, and networkd's own.
wait_until_within 120 more_acknowledged_than $((before + 1)) || { say_why >&2; fail "nobody in the PC has asked for its lease: $(cat "$scratch/dhcp-router.log")"; }
for manager in networking NetworkManager systemd-networkd; do
    [ "$(guest <<<"systemctl is-active $manager" || true)" = active ] || fail "$manager does not run: $(guest <<<"systemctl status $manager" || true)"
    guest 300 <<<"systemctl restart $manager" || fail "$manager can't be restarted"
    root_answers "after a restart of $manager"
    echo "$manager restarted: the root answers, the address is the same"
done
expect 'NetworkManager' "$(guest <<<'nmcli -t -f DEVICE,STATE device')" "^$card:unmanaged"
before=$(acknowledged)
guest 120 <<<"networkctl renew $card" || fail "the lease can't be renewed"
wait_until_within 120 more_acknowledged_than "$before" || fail "the lease is not renewed"
root_answers "after the lease was renewed"
echo "the lease was renewed"
switched_off 300
! grep -q "DHCPRELEASE" "$scratch/dhcp-router.log" || fail "the address was given back while the root hung on it"
stop_server
expect_clean_root
