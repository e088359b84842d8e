#!/bin/bash
# On the machine of type_the_commands.sh: types what blocks_to_script.awk has made of a document, and knows the words of its
# `<!-- test` blocks.
#
#     a_pi_image FILE [EXPORT]     a disk as Raspberry Pi OS lays it out, which finds its root at that export of 192.168.0.2
#     a_pc_image FILE              one as examples/make-debian-image lays it out, for BIOS and UEFI
#     told MACHINE COUNT PATTERN   a boot ROM (pi4, bios, x64 ...) gets COUNT answers by DHCP, one of them fits the pattern
#     client [MAC=M] [ADDRESS=A] COMMAND...      on the client, which has the address 192.168.0.50, or another one for each MAC
#     gets [MAC=M] [ADDRESS=A] NAME              the client, by TFTP; prints it
#     wait_until COMMAND...        a minute at most
#     fails COMMAND...
#     fail WHAT
#     ctrl_c                       in the last terminal where something stays in the foreground
#
#     podman_works                 and has debian:12, without a registry; the packages are in build/debs
#     the_rest_needs PROGRAM...    or is left out, which is said
#     leave_out_the_rest WHY
#
# With the line `<!-- test typed by a user -->`, an ordinary user types, who may become root with sudo.
set -euo pipefail
typed=/run/typed
script=$1

# Where in the document we are.
note() {
    local frame
    for ((frame = 1; frame < ${#BASH_SOURCE[@]}; frame++)); do
        [[ ${BASH_SOURCE[frame]} != "$script" ]] || line=${BASH_LINENO[frame - 1]}
    done
}
line=0
finish() {
    local status=$?
    { set +x; } 2>/dev/null
    [[ $status == 0 ]] || {
        journalctl --no-pager --quiet --lines 20 --output cat 2>/dev/null || true
        echo "${DOCUMENT#"$TOP/"}:$line: $(sed "${line}!d" "$DOCUMENT")" >"$typed/failure"
    }
    grep -c '[^[:space:]]' "$script" >"$typed/count"
    echo $status >"$typed/status"
}
fail() {
    note
    echo "FAILED: $*"
    exit 1
}
set -E
trap note ERR
trap finish EXIT

# Bash's own `!` is no reason for it to end.
fails() {
    if "$@"; then fail "it is not to work: $*"; fi
}
source "$TOP/tests/support/wait_until.sh"

# --- blocks that are not just typed ----------------------------------------------------------------------------------

# shows 0|error: the commands of a block and what they print.
shows() {
    local lines text command='' expected=''
    mapfile -t lines
    for text in "${lines[@]}" '$ '; do
        case $text in
        '$ '*)
            [[ -z $command ]] || prints "$1" "$command" "$expected"
            command=${text#'$ '} expected=''
            ;;
        *) expected+=$text$'\n' ;;
        esac
    done
}
prints() {
    local status=0 got glob
    eval "$2" >"$typed/output" 2>&1 </dev/null || status=$?
    got=$(sed 's/[[:space:]]*$//' "$typed/output")
    glob=$(sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g; s/[[:space:]]*$//' <<<"${3%$'\n'}")
    echo "$got"
    # shellcheck disable=SC2053 # a pattern
    [[ $got == $glob ]] || fail "$2 does not print what the document says but what stands above"
    [[ $status == 0 || $1 == error ]] || fail "$2 ended with $status"
    [[ $status != 0 || $1 != error ]] || fail "$2 ended well"
}

# in_another_terminal COMMAND SOCKET: $terminal becomes its process; SOCKET.ready is there when it says that it is ready.
in_another_terminal() {
    python3 -c 'if True:
        import socket, sys
        notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notified.bind(sys.argv[1])
        open(sys.argv[1] + ".listening", "w").close()
        while b"READY=1" not in notified.recv(4096):
            pass
        open(sys.argv[1] + ".ready", "w").close()' "$2" &
    wait_until test -e "$2.listening"
    : >"$2.out"
    set -m # Ctrl-C reaches it
    NOTIFY_SOCKET=$2 bash -c "exec $1" </dev/null >"$2.out" &
    terminal=$!
    set +m
}
# stays_in_the_foreground: the last line of a block does; returns when it is ready.
foreground=()
stays_in_the_foreground() {
    local lines socket
    mapfile -t lines
    ((${#lines[@]} == 1)) || eval "$(printf '%s\n' "${lines[@]:0:${#lines[@]}-1}")"
    socket=$(mktemp -u "$typed/ready-XXXXXX")
    in_another_terminal "${lines[-1]}" "$socket"
    wait_until ready_or_gone "$socket"
    cat "$socket.out"
    kill -0 "$terminal" || fail "${lines[-1]} does not stay"
    foreground+=("$terminal")
}
ready_or_gone() { [[ -e $1.ready ]] || ! kill -0 "$terminal"; }
ctrl_c() {
    local terminal=${foreground[-1]}
    unset 'foreground[-1]'
    kill -INT -- "-$terminal"
    wait "$terminal" || fail "what stayed in the foreground ended with $? after Ctrl-C"
}
# alternatives: each line of a block for itself. What stays in the foreground is ended when it is ready.
alternatives() {
    local lines text socket
    mapfile -t lines
    for text in "${lines[@]}"; do
        socket=$(mktemp -u "$typed/ready-XXXXXX")
        in_another_terminal "$text" "$socket"
        wait_until ready_or_gone "$socket"
        [[ ! -e $socket.ready ]] || kill -INT -- "-$terminal"
        wait "$terminal" || fail "$text: $?"
        cat "$socket.out"
    done
}

# becomes_a_file: whose path is in one of its first two lines.
becomes_a_file() {
    local text path
    text=$(cat)
    path=$(head -n 2 <<<"$text" | sed -nE 's,^(#|//|;) ((/|~/)[^ :]*).*$,\2,p')
    [[ -n $path ]] || fail "it does not say which file that is"
    path=${path/#\~/$HOME}
    [[ -d ${path%/*} ]] || fail "$path: nobody has told to make its directory"
    printf '%s\n' "$text" >"$path"
}

# --- the network: a switch, the router's; on it the router, this machine and a client -------------------------------

make_lan() {
    local machine
    for machine in router client; do
        ip netns add $machine
        ip -n $machine link set lo up
    done
    ip -n router link add br0 type bridge stp_state 0 forward_delay 0
    ip -n router addr add 192.168.0.1/24 dev br0
    ip -n router link set br0 up
    ip link add eth0 type veth peer name server netns router
    ip -n client link add eth0 type veth peer name client netns router
    for machine in server client; do ip -n router link set $machine master br0 up; done
    ip addr add 192.168.0.2/24 dev eth0
    ip link set eth0 up
    ip route add default via 192.168.0.1
    ip -n client link set eth0 up
    # shellcheck disable=SC2119 # documents pass arguments
    start_router
}
# start_router [LINE...]: its DHCP server, with these lines in its configuration.
router=
# shellcheck disable=SC2120 # documents pass some
start_router() {
    if [[ -n $router ]]; then
        kill "$router"
        wait "$router" || true
    fi
    printf '%s\n' port=0 pid-file= user=root interface=br0 bind-interfaces dhcp-authoritative no-ping log-facility=- \
        dhcp-leasefile=/run/router.leases dhcp-range=192.168.0.100,192.168.0.199,255.255.255.0,600 "$@" >/run/router.conf
    : >/run/router.log
    ip netns exec router dnsmasq --keep-in-foreground --conf-file=/run/router.conf 2>/run/router.log &
    router=$!
    wait_until grep -q 'DHCP, IP range' /run/router.log
}
client() {
    local address=192.168.0.50
    while [[ $1 == *=* ]]; do
        case $1 in
        ADDRESS=*) address=${1#*=} ;;
        MAC=*)
            sudo ip -n client link set eth0 address "${1#*=}"
            address=192.168.0.$((16#${1##*:}))
            ;;
        esac
        shift
    done
    sudo ip -n client addr flush dev eth0
    sudo ip -n client addr add "$address/24" dev eth0
    # What the server remembers of the one that had this address before.
    sudo ip neigh flush dev eth0
    timeout 60 sudo ip netns exec client "$@"
}
# As firmware does, it asks again: a file may change while it is sent, or its view have just found its server.
gets() {
    wait_until client "${@:1:$#-1}" curl --silent --fail --max-time 20 --output /run/got "tftp://192.168.0.2/${!#}"
    cat /run/got
}
told() {
    local answers
    answers=$(timeout 60 sudo ip netns exec client "$BUILD/tests/integration/dhcp/boot-rom" eth0 ask "$1" "$2") ||
        fail "$1 was told: $answers"
    echo "$answers"
    grep -qE -- "$3" <<<"$answers" || fail "$1 was not told $3"
}

# --- images ----------------------------------------------------------------------------------------------------------

kernel=6.1.0-18-test
# noise FILE KIB
noise() { head -c $(($2 * 1024)) /dev/urandom >"$1"; }
# an_image FILE BEGIN DIRECTORY: BEGIN in MiB of a FAT32 with what is in the directory; 8 MiB for a root.
an_image() {
    local image root
    image=$(readlink -m "$1")
    root=$(mktemp -d)
    mkdir -p "$root/lib/modules/$kernel"
    truncate -s $(($2 + 48))M "$image"
    printf 'label: dos\nlabel-id: 0x4e639091\nstart=%sMiB, size=40MiB, type=c\nstart=%sMiB, type=83\n' "$2" $(($2 + 40)) | sfdisk -q "$image"
    mkfs.vfat -F 32 -s 1 -n bootfs --offset $(($2 * 2048)) "$image" 40960 >/dev/null 2>&1
    (cd "$3" && MTOOLS_SKIP_CHECK=1 mcopy -Q -s -i "$image@@${2}M" -- * ::)
    mke2fs -q -F -t ext4 -L rootfs -d "$root" -E "offset=$((($2 + 40) << 20))" "$image" 8M
    rm -r "$root"
}
# an_initramfs FILE: with all that an NBD root needs, as far as names tell.
an_initramfs() {
    local tree=/usr/lib/modules/$kernel/kernel/drivers/block
    (
        cd "$(mktemp -d)"
        mkdir -p ".$tree" usr/sbin scripts/local-top
        echo x | tee ".$tree/nbd.ko" "usr/lib/modules/$kernel/modules.dep" usr/sbin/nbd-client scripts/local-top/nbd >scripts/bootview
        find . | cpio --quiet -o -H newc
    ) | gzip >"$1"
}
# a_kernel FILE: the beginning of one for PCs, as far as it tells its version.
a_kernel() {
    noise "$1" 500
    printf 'HdrS\x0f\x02' | dd of="$1" bs=1 seek=514 conv=notrunc status=none
    printf '\x00\x04' | dd of="$1" bs=1 seek=526 conv=notrunc status=none
    printf '%s (root@test) #1 SMP\0' "$kernel" | dd of="$1" bs=1 seek=1536 conv=notrunc status=none
}
a_pi_image() {
    local files file
    files=$(mktemp -d)
    mkdir "$files/overlays"
    for file in start4.elf fixup4.dat bcm2711-rpi-4-b.dtb kernel8.img overlays/vc4-kms-v3d.dtbo; do
        noise "$files/$file" $((RANDOM % 500 + 10))
    done
    an_initramfs "$files/initramfs8"
    printf 'arm_64bit=1\nauto_initramfs=1\n' >"$files/config.txt"
    echo "console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 rootwait ip=dhcp nbdroot=192.168.0.2/${2:-raspios.img}" >"$files/cmdline.txt"
    an_image "$1" 4 "$files"
    rm -r "$files"
}
a_pc_image() {
    local files
    files=$(mktemp -d)
    mkdir "$files/pxelinux.cfg"
    cp /usr/lib/PXELINUX/pxelinux.0 /usr/lib/syslinux/modules/bios/ldlinux.c32 /usr/lib/ipxe/snponly.efi "$files/"
    a_kernel "$files/vmlinuz"
    an_initramfs "$files/initrd.img"
    cat >"$files/pxelinux.cfg/default" <<CONFIGURATION
DEFAULT debian
LABEL debian
  KERNEL vmlinuz
  INITRD initrd.img
  APPEND nbdroot=boot:/$(basename "$1") root=LABEL=rootfs rw
  IPAPPEND 3
CONFIGURATION
    cat >"$files/boot.ipxe" <<CONFIGURATION
#!ipxe
kernel vmlinuz initrd=initrd.img ip=dhcp nbdroot=boot:/$(basename "$1") root=LABEL=rootfs rw nbdserver=\${next-server}
initrd initrd.img
boot
CONFIGURATION
    an_image "$1" 1 "$files"
    rm -r "$files"
}

# --- containers ------------------------------------------------------------------------------------------------------

leave_out_the_rest() {
    note
    echo "not typed from line $line on: $*" >"$typed/left-out"
    exit 0
}
the_rest_needs() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || leave_out_the_rest "$program is missing; packaging/install-dependencies test"
    done
}
podman_works() {
    local base needed said
    the_rest_needs podman crun newuidmap
    ! grep -q '^BOOTVIEW_SANITIZE:[A-Z]*=.' "$BUILD/CMakeCache.txt" || leave_out_the_rest "what is built with sanitizers is for no container"
    grep -q '^user:' /etc/subuid || sudo usermod --add-subuids 500000-565535 --add-subgids 500000-565535 user
    # The control groups of this machine may have no controllers, and there is no bus to ask for others; its storage is memory.
    mkdir -p ~/.config/containers
    printf '[containers]\npids_limit = 0\n[engine]\ncgroup_manager = "cgroupfs"\n' >~/.config/containers/containers.conf
    printf '[storage]\ndriver = "overlay"\n' >~/.config/containers/storage.conf
    podman info >/dev/null 2>&1 || rm ~/.config/containers/storage.conf
    mkdir -p build/debs
    cp /run/debs/{bootview,nbdkit-plugin-bootview,fuse-fatimg,tftp-bridge}_*.deb build/debs/
    base=$(mktemp)
    needed=$(for package in build/debs/*.deb; do dpkg-deb -f "$package" Depends; done | tr ',' '\n' | sed 's/|.*//; s/[(:].*//; s/ //g' |
        grep -vE '^$|^(bootview|nbdkit-plugin-bootview|fuse-fatimg|tftp-bridge)$' | sort -u)
    # shellcheck disable=SC2086 # several
    sudo "$TOP/tests/docs/debian-of-this-machine" "$base" $needed
    # Where that can't be, it is no fault of what is to be run in it.
    said=$(podman import "$base" docker.io/library/debian:12 2>&1 && podman run --rm --network host debian:12 true 2>&1) ||
        leave_out_the_rest "podman runs no container here: $said"
    sudo rm "$base"
}

# become_a_user: an ordinary one, as if logged in.
become_a_user() {
    local runtime
    useradd --create-home --shell /bin/bash user
    runtime=/run/user/$(id -u user)
    mkdir -p "$runtime"
    chown user: "$runtime" "$typed" "$typed"/*
    chmod 700 "$runtime"
    systemctl start "user@$(id -u user).service"
    # Below the user's own systemd, as a session is.
    cat >/run/systemd/user/typed.service <<UNIT
[Service]
Type=oneshot
WorkingDirectory=/home/user
Environment=HOME=/home/user USER=user XDG_RUNTIME_DIR=$runtime LC_ALL=$LC_ALL PATH=$PATH
Environment=BUILD=$BUILD TOP=$TOP DOCUMENT=$DOCUMENT
ExecStart=/bin/bash $(readlink -f "${BASH_SOURCE[0]}") $script
StandardOutput=append:$typed/log
StandardError=inherit
Delegate=yes
UNIT
    exec runuser -u user -- env XDG_RUNTIME_DIR="$runtime" systemctl --user start typed.service
}

exec 2>&1
if [[ $(id -u) == 0 ]]; then
    make_lan
    ! grep -qx '<!-- test typed by a user -->' "$DOCUMENT" || become_a_user
fi
export MTOOLS_SKIP_CHECK=1
# shellcheck disable=SC2016 # with each line
PS4='+ ${BASH_SOURCE##*/}:$LINENO: '
exec 9>&1
BASH_XTRACEFD=9
set -x
# shellcheck disable=SC1090
source "$script"
{ set +x; } 2>/dev/null
while ((${#foreground[@]})); do ctrl_c; done
