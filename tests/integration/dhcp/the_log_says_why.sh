# A machine that gets no answer is in the log, once, with the reason and what to do; in the metrics
# every time. If this fails, nobody finds out why a machine does not boot.
source "$(dirname "$0")/network.sh"
requires curl
make_network
mkdir -p "$scratch/root"
touch "$scratch/root/pxelinux.0"
start_bridge --dhcp-proxy --metrics "$scratch/metrics"

for _ in 1 2 3; do
    rom silent arm64 bios >/dev/null || fail "arm64 was answered"
    rom silent http bios >/dev/null || fail "http was answered"
    rom silent plain bios >/dev/null || fail "plain was answered"
done
counted() {
    metrics=$(curl -s --max-time 20 --unix-socket "$scratch/metrics" http://localhost/metrics)
    grep -q 'verdict="no-boot-program"} 3' <<<"$metrics"
}
wait_until counted
log=$(cat "$scratch/log")
[ "$(grep -c '52:54:00:12:34:57 on eth0 gets no answer: there is no boot program for arm64.*--boot-file arm64=FILE' <<<"$log")" = 1 ] ||
    fail "$log"
[ "$(grep -c '52:54:00:12:34:58 on eth0 gets no answer: it boots by HTTP.*--http-boot x64=URL' <<<"$log")" = 1 ] ||
    fail "$log"
[ "$(grep -c '52:54:00:12:34:55 on eth0 (bios, bios): offered pxelinux.0' <<<"$log")" = 1 ] || fail "$log"
! grep -q 02:00:00:00:00:77 <<<"$log" || fail "an ordinary client is in the log: $log"

expect metrics "$metrics" '^bootview_dhcp_requests_total\{verdict="not-booting"\} 3$'
expect metrics "$metrics" '^bootview_dhcp_requests_total\{verdict="answered"\} 9$'

# A flood of strange machines neither fills the log nor keeps others waiting.
rom flood 5000 arm64
rom ask bios 1 >/dev/null || fail "not answered after a flood"
[ "$(wc -l <"$scratch/log")" -lt 100 ] || fail "$(wc -l <"$scratch/log") lines"
stop_bridge

# iPXE is not sent round in circles by a boot program that starts it, whatever that is called: it is told what to set,
# or gets a script that is there. The first is known by the file's content, the second by what it has just become.
printf 'PXE->EB:' >"$scratch/root/pxelinux.0"
start_bridge --dhcp-proxy
rom silent ipxe bios >/dev/null || fail "iPXE was offered iPXE"
echo >"$scratch/root/pxelinux.0"
rom silent bios-ipxe pi4 >/dev/null || fail "iPXE was offered what it has come from"
for machine in 56 55; do
    [ "$(grep -c "52:54:00:12:34:$machine on eth0 gets no answer: it is iPXE already, and pxelinux.0 would.*ipxe-script" \
        "$scratch/log")" = 1 ] || fail "$machine: $(cat "$scratch/log")"
done
echo '#!ipxe' >"$scratch/root/autoexec.ipxe"
sleep 0.3 # what was found is good for 200 ms
expect ipxe "$(rom ask bios-ipxe 1)" 'file=autoexec.ipxe '
rm "$scratch/root/autoexec.ipxe"
stop_bridge

# Told to answer none but those it knows, it says of each stranger what would make it one of them. A
# Raspberry Pi has no disk of its own that it could be kept from.
printf '%s\n' '[[client]]' 'name = "desk"' 'mac = "52:54:00:12:34:57"' >"$scratch/clients.toml"
touch "$scratch/root/bootx64.efi"
start_bridge --dhcp-proxy --no-adopt --metrics "$scratch/metrics" --config "$scratch/clients.toml"
for _ in 1 2; do rom silent bios pi4 >/dev/null || fail "a stranger was answered"; done
refused() {
    metrics=$(curl -s --max-time 20 --unix-socket "$scratch/metrics" http://localhost/metrics)
    grep -q 'verdict="not-adopted"} 2$' <<<"$metrics"
}
wait_until refused
rom ask x64 1 >"$scratch/answer" || fail "the client that has a name was not answered: $(cat "$scratch/log")"
[ "$(grep -c '52:54:00:12:34:55 on eth0 gets no answer: it is not known here.*mac = "52:54:00:12:34:55", or say --adopt' \
    "$scratch/log")" = 1 ] || fail "$(cat "$scratch/log")"
grep -q 'desk (52:54:00:12:34:57) on eth0 (uefi, x64): offered bootx64.efi' "$scratch/log" || fail "$(cat "$scratch/log")"
# So has a machine with a directory that is called like it.
mkdir "$scratch/root/52-54-00-12-34-55"
touch "$scratch/root/52-54-00-12-34-55/pxelinux.0"
rom ask bios 1 >"$scratch/answer" || fail "the machine with a directory was not answered: $(cat "$scratch/log")"
stop_bridge
