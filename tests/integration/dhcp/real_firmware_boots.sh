# Real firmware, in a virtual machine without a disk, boots from what we serve, next to a DHCP server
# that knows nothing of it. If this fails, nothing boots.
#     real_firmware_boots.sh bios|bios-menu|ipxe-script|ipxe-chain|uefi|uefi-ipxe|uefi-arm64|u-boot
# Without hardware acceleration, which is not to be had everywhere: some ten seconds for each.
source "$(dirname "$0")/network.sh"
case $1 in
uefi-arm64 | u-boot) qemu="qemu-system-aarch64" ;;
*) qemu="qemu-system-x86_64" ;;
esac
requires $qemu dnsmasq
[ "$(uname -m)" = x86_64 ] || { echo "skipped: not a PC"; exit 77; }
make_network
plug_virtual_machine tap0

start_dhcp_server router
advertise_routes

root=$scratch/root
mkdir -p "$root"
need_file() { [ -e "$1" ] || { echo "skipped: no $1"; exit 77; }; }

# boot MARKER QEMU-ARGUMENTS: until the marker is on the serial console, three minutes at most. A
# sanitizer on a busy machine is slow, and so is a machine in a machine.
boot() {
    local marker=$1
    shift
    : >"$scratch/console"
    timeout 180 ip netns exec "$net-switch" "$qemu" -accel tcg -display none -vga none \
        -netdev tap,id=n0,ifname=tap0,script=no,downscript=no -no-reboot -monitor none \
        -serial "file:$scratch/console" "$@" </dev/null >"$scratch/qemu.log" 2>&1 &
    local machine=$!
    cleanup "kill $machine && wait $machine"
    # The screen's cursor may be moved in the middle of a word.
    while [ "$(sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$scratch/console" | grep -ca "$marker")" = 0 ]; do
        kill -0 "$machine" 2>/dev/null || fail "no $marker; console: $(tr -cd '[:print:]\n' \
            <"$scratch/console" | tail -40) qemu: $(cat "$scratch/qemu.log") log: $(cat "$scratch/log")"
        sleep 0.2
    done
    kill "$machine" 2>/dev/null || true
    wait "$machine" 2>/dev/null || true
}

# efi_program TARGET FILE: the payload for another architecture than ours.
efi_program() {
    local clang
    clang=$(command -v clang clang-14 | head -1)
    requires lld-link-14 "${clang:-clang-14}"
    "$clang" --target="$1-unknown-windows" -O1 -ffreestanding -fno-stack-protector \
        -c "$(dirname "$0")/efi_payload.c" -o "$scratch/payload.o"
    mkdir -p "$(dirname "$2")"
    lld-link-14 /subsystem:efi_application /entry:efi_main /nodefaultlib "/out:$2" "$scratch/payload.o"
}

# For a BIOS: PXELINUX and its configuration, which says so on the console.
prepare_pxelinux() {
    local pxelinux=/usr/lib/PXELINUX/$1 ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32
    need_file "$pxelinux"
    need_file "$ldlinux"
    cp "$pxelinux" "$ldlinux" "$root"
    mkdir "$root/pxelinux.cfg"
    cat >"$root/pxelinux.cfg/default" <<'EOC'
SERIAL 0
SAY BOOTVIEW PXELINUX AT WORK
DEFAULT next
LABEL next
  LOCALBOOT -1
EOC
}
boot_pc() { boot "$1" -machine pc,graphics=off -m 256 -boot n -device "$2,netdev=n0,mac=52:54:00:12:34:56,bootindex=0"; }
# EDK2's own PXE client; romfile= takes iPXE out of the network card.
boot_uefi() {
    local code=/usr/share/OVMF/OVMF_CODE_4M.fd vars=/usr/share/OVMF/OVMF_VARS_4M.fd
    need_file $code
    need_file $vars
    cp $vars "$scratch/vars.fd"
    boot "$1" -machine q35,graphics=off -m 512 \
        -drive "if=pflash,format=raw,unit=0,readonly=on,file=$code" \
        -drive "if=pflash,format=raw,unit=1,file=$scratch/vars.fd" \
        -device virtio-net-pci,netdev=n0,mac=52:54:00:12:34:57,bootindex=0,romfile= \
        -device virtio-rng-pci
}
# U-Boot does what is typed: each command when the one before has brought its prompt.
boot_u_boot() {
    local firmware=/usr/lib/u-boot/qemu_arm64/u-boot.bin prompts=0 command machine
    need_file $firmware
    mkfifo "$scratch/keyboard"
    exec 3<>"$scratch/keyboard"
    timeout 180 ip netns exec "$net-switch" "$qemu" -accel tcg -M virt -cpu cortex-a57 -m 512 -display none \
        -netdev tap,id=n0,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=n0,romfile= \
        -monitor none -serial stdio -bios $firmware <&3 >"$scratch/console" 2>"$scratch/qemu.log" &
    machine=$!
    cleanup "kill $machine && wait $machine"
    prompted() { [ "$(grep -ca '^=> ' "$scratch/console")" -gt $prompts ] || { [ $prompts != 0 ] || echo >&3; false; }; }
    for command in "$@"; do
        wait_until prompted
        prompts=$(grep -ca '^=> ' "$scratch/console")
        echo "$command" >&3
    done
    wait_until prompted
    kill $machine
}
offered() { grep -q "52:54:00:12:34:$1: offered $2" "$scratch/log" || fail "$(cat "$scratch/log")"; }

case $1 in
bios)
    prepare_pxelinux pxelinux.0
    start_bridge --dhcp-proxy
    boot_pc 'BOOTVIEW PXELINUX AT WORK' virtio-net-pci
    offered '56 on eth0 (ipxe, bios)' pxelinux.0
    ;;
bios-menu)
    # The first entry at once, by a question to port 4011; with another network card and PXELINUX.
    prepare_pxelinux lpxelinux.0
    start_bridge --dhcp-proxy --pxe-menu bios,PXELINUX,lpxelinux.0 --pxe-menu any,Disk --pxe-prompt Boot,0
    boot_pc 'BOOTVIEW PXELINUX AT WORK' e1000
    offered '56 on eth0 (ipxe, bios)' menu
    offered '56 on eth0.*' lpxelinux.0
    ;;
ipxe-script)
    printf '#!ipxe\necho BOOTVIEW IPXE SCRIPT from ${proxydhcp/next-server}\npoweroff\n' >"$root/my.ipxe"
    touch "$root/undionly.kpxe"
    start_bridge --dhcp-proxy --ipxe-script my.ipxe
    boot_pc 'BOOTVIEW IPXE SCRIPT from 10.77.0.2' virtio-net-pci
    ;;
ipxe-chain)
    # From iPXE in the network card to another one: it asks by DHCP again, and does not go in circles.
    need_file /usr/lib/ipxe/undionly.kpxe
    cp /usr/lib/ipxe/undionly.kpxe "$root"
    cat >"$root/boot.ipxe" <<'EOC'
#!ipxe
iseq ${net0/chip} undionly || chain tftp://${proxydhcp/next-server}/undionly.kpxe
echo BOOTVIEW IPXE CHAIN ${net0/chip} from ${proxydhcp/next-server}
poweroff
EOC
    start_bridge --dhcp-proxy
    boot_pc 'BOOTVIEW IPXE CHAIN undionly from 10.77.0.2' virtio-net-pci
    grep -q '"undionly.kpxe": .* bytes in' "$scratch/log" || fail "$(cat "$scratch/log")"
    ;;
uefi-arm64)
    code=/usr/share/AAVMF/AAVMF_CODE.fd vars=/usr/share/AAVMF/AAVMF_VARS.fd
    need_file $code
    efi_program aarch64 "$root/EFI/BOOT/BOOTAA64.EFI"
    cp $vars "$scratch/vars.fd"
    start_bridge --dhcp-proxy
    boot 'BOOTVIEW EFI PAYLOAD' -M virt -cpu cortex-a57 -m 512 \
        -drive "if=pflash,format=raw,unit=0,readonly=on,file=$code" \
        -drive "if=pflash,format=raw,unit=1,file=$scratch/vars.fd" \
        -device virtio-net-pci,netdev=n0,mac=52:54:00:12:34:58,bootindex=0,romfile= -device virtio-rng-pci
    offered '58 on eth0 (uefi, arm64)' EFI/BOOT/BOOTAA64.EFI
    ;;
u-boot)
    requires python3
    head -c 5000003 /dev/urandom >"$root/image"
    sum=$(python3 -c 'import sys, zlib; print("%08x" % zlib.crc32(open(sys.argv[1], "rb").read()))' "$root/image")
    start_bridge --dhcp-proxy
    # Sixteen blocks at once, and one.
    boot_u_boot 'setenv autoload no' dhcp 'setenv tftpblocksize 1468' 'setenv tftpwindowsize 16' \
        'tftpboot 0x48000000 10.77.0.2:image' 'crc32 0x48000000 ${filesize}' 'mw.b 0x48000000 0 100000' \
        'setenv tftpwindowsize 1' 'tftpboot 0x48000000 10.77.0.2:image' 'crc32 0x48000000 ${filesize}'
    [ "$(grep -ca "==> $sum" "$scratch/console")" = 2 ] || fail "$sum: $(tr -cd '[:print:]\n' <"$scratch/console")"
    [ "$(grep -c '"image": 5000003 bytes in' "$scratch/log")" = 2 ] || fail "$(cat "$scratch/log")"
    ;;
uefi-ipxe)
    # UEFI loads iPXE, by a name that does not say so, and iPXE its script and not itself.
    need_file /usr/lib/ipxe/snponly.efi
    mkdir -p "$root/EFI/BOOT"
    cp /usr/lib/ipxe/snponly.efi "$root/EFI/BOOT/BOOTX64.EFI"
    printf '#!ipxe\necho BOOTVIEW IPXE SCRIPT from ${proxydhcp/next-server}\npoweroff\n' >"$root/boot.ipxe"
    start_bridge --dhcp-proxy
    boot_uefi 'BOOTVIEW IPXE SCRIPT from 10.77.0.2'
    offered '57 on eth0 (uefi, x64)' EFI/BOOT/BOOTX64.EFI
    offered '57 on eth0 (ipxe, x64)' boot.ipxe
    ;;
uefi)
    requires gcc ld
    mkdir -p "$root/EFI/BOOT"
    gcc -O1 -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-ident \
        -fcf-protection=none -fPIC -mno-red-zone -c "$(dirname "$0")/efi_payload.c" \
        -o "$scratch/payload.o"
    ld -m i386pep --subsystem 10 -e efi_main -o "$root/EFI/BOOT/BOOTX64.EFI" "$scratch/payload.o" ||
        { echo "skipped: this ld makes no UEFI programs"; exit 77; }
    start_bridge --dhcp-proxy
    boot_uefi 'BOOTVIEW EFI PAYLOAD'
    offered '57 on eth0 (uefi, x64)' EFI/BOOT/BOOTX64.EFI
    ;;
esac
stop_bridge
