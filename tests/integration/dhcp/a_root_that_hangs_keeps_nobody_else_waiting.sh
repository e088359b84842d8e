# The file system of some boot programs does not answer, as a FUSE mount whose image is far away. If
# this fails, that ends all service: machines with other files are neither answered nor served.
source "$(dirname "$0")/network.sh"
requires curl
make_network
mkdir -p "$scratch/root/EFI/BOOT"
echo loader >"$scratch/root/pxelinux.0"
touch "$scratch/root/EFI/BOOT/BOOTX64.EFI"
ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0
RUN_AS=(env "LD_PRELOAD=$SLOW_FILES" SLOW_FILES_NAME=EFI "SLOW_FILES_GATE=$scratch/gate"
    ASAN_OPTIONS=verify_asan_link_order=0)
start_bridge --dhcp-proxy --log-level debug

# Asked for often enough that each would take a thread of its own.
rom flood 30 x64
rom ask bios 1 | grep -q 'file=pxelinux.0 ' || fail "a machine with other files was not answered"
[ "$(in_ns rom curl -s --max-time 30 tftp://10.77.0.2/pxelinux.0)" = loader ] || fail "nor served"
! grep -q 'x64.*offered' "$scratch/log" || fail "the file system did not hang: $(cat "$scratch/log")"

# When it answers, so are they, without asking again.
touch "$scratch/gate"
all_offered() { [ "$(grep -c 'offered EFI/BOOT/BOOTX64.EFI' "$scratch/log")" -ge 10 ]; } # the log is limited
wait_until all_offered
stop_bridge
