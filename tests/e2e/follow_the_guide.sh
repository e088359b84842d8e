# What docs/boot-a-raspberry-pi.md and docs/boot-a-debian-pc.md tell their readers to type is typed, line by line. If this
# fails, nobody gets beyond the first page.
#     follow_the_guide.sh pi       pc: the same for docs/boot-a-debian-pc.md, and the PC boots
# DEBS=DIRECTORY: with the packages from there, on a server that is an empty Debian. Without, for `pi` alone: on this
# machine, as it is built, so that packages are not installed. FIRMWARE=uefi: of the PC.
source "$(dirname "$0")/machine.sh"
source "$e2e/../guest/apt_sources.sh"
unavailable() { echo "skipped: $*"; exit 77; }
guide=$1
text=$e2e/../../docs/boot-a-$([ "$guide" = pi ] && echo raspberry-pi || echo debian-pc).md
[ -e "$text" ] || fail "there is no guide $guide"
[ -n "${DEBS:-}" ] || [ "$guide" = pi ] || { echo "skipped: DEBS=DIRECTORY of the packages, packaging/build-debs makes them"; exit 77; }

# lines PROMPT: what is to be typed there.
lines() { sed -n "s/^    $1 //p" "$text"; }
# What a reader would write in their places.
filled_in() { sed "s|192\.168\.0\.2|10.77.0.2|g; s|/dev/sdX|$home/sd-card|g"; }

# --- the server ----------------------------------------------------------------------------------------------------

# an_empty_server: a Debian with apt and nothing else, below $server_root.
an_empty_server() {
    requires mmdebstrap
    local cache=${BOOTVIEW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bootview-tests}
    local archive
    apt_sources >"$scratch/sources.list"
    apt_configuration >"$scratch/apt.conf"
    archive=$cache/e2e-root-server-$(cat "$scratch/sources.list" | sha256sum | cut -c1-16).tar
    [ -f "$archive" ] || {
        timeout 900 mmdebstrap --mode=root --variant=apt --format=tar --quiet --aptopt="$scratch/apt.conf" \
            "$(apt_suite)" "$archive.new" "$scratch/sources.list" 2>"$scratch/log" || { echo "skipped: mmdebstrap: $(tail -n3 "$scratch/log")"; exit 77; }
        mv "$archive.new" "$archive"
    }
    server_root=$scratch/server
    mkdir "$server_root"
    tar -C "$server_root" --numeric-owner -xf "$archive"
    cp "$scratch/apt.conf" "$server_root/etc/apt/apt.conf.d/50test"
    cp -L /etc/resolv.conf "$server_root/etc/resolv.conf"
    # It is root already, and asks nobody.
    printf '#!/bin/sh\nexec "$@"\n' >"$server_root/usr/local/bin/sudo"
    printf 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n' >"$server_root/etc/apt/apt.conf.d/51test"
    chmod 755 "$server_root/usr/local/bin/sudo"
    cp "$DEBS"/*.deb "$server_root$home/"
}

# to_type NETWORK LINE: $command is what types it, by the server's user, there. NETWORK: boot, where clients are; or
# outside, where packages are. It becomes the one process of LINE's `exec`.
to_type() {
    command=(ip netns exec "$net-boot")
    [ "$1" = boot ] || command=()
    if [ -n "${DEBS:-}" ]; then
        # shellcheck disable=SC2016
        command+=(unshare --mount bash -c 'set -e; for at in dev proc sys; do mount --rbind "/$at" "$0/$at"; done
            exec chroot "$0" /usr/bin/env -i HOME="$1" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 setpriv --pdeathsig TERM bash -c "cd; $2"' "$server_root" "$home" "$2")
    else
        command+=(env "PATH=$scratch/bin:$PATH" "HOME=$home" MTOOLS_SKIP_CHECK=1 setpriv --pdeathsig TERM bash -c "cd; $2")
    fi
}
typed() {
    to_type "$@"
    "${command[@]}" </dev/null
}

# the_server_is_set_up: all its lines up to and with the last, `bootview serve`, which stays.
the_server_is_set_up() {
    local line
    while IFS= read -r line; do
        echo "server\$ $line"
        line=$(filled_in <<<"$line")
        case $line in
        *'bootview serve'*)
            : >"$scratch/server.out"
            to_type boot "exec ${line#sudo }"
            "${command[@]}" >"$scratch/server.out" 2>"$scratch/server.log" </dev/null &
            server=$!
            cleanup stop_server
            wait_until server_is_ready_or_gone
            grep -q '^ready' "$scratch/server.out" || fail "the server did not start: $(cat "$scratch/server.log")"
            continue
            ;;
        *apt-get*) [ -n "${DEBS:-}" ] || continue ;;
        esac
        typed outside "$line" >"$scratch/output" 2>&1 || fail "$line: $(tail -n 30 "$scratch/output")"
    done < <(lines 'server\$')
}

home=/root
if [ -n "${DEBS:-}" ]; then
    an_empty_server
else
    home=$scratch/home
    mkdir -p "$home" "$scratch/bin"
    printf '#!/bin/sh\nexec "$@"\n' >"$scratch/bin/sudo"
    chmod 755 "$scratch/bin/sudo"
    ln -s "$(readlink -f "$BUILD/bootview/bootview")" "$scratch/bin/bootview"
fi
make_network
export XDG_RUNTIME_DIR=$scratch/runtime
mkdir -m 700 "$XDG_RUNTIME_DIR"
start_dhcp_server router

# --- the PC --------------------------------------------------------------------------------------------------------

follow_for_a_pc() {
    plug_virtual_machine tap0
    advertise_routes
    the_server_is_set_up
    image=$server_root$home/debian.img
    memory=1024
    pc_comes_up
    while IFS= read -r line; do
        echo "pc# $line"
        case $line in
        reboot)
            on_pc reboot || true
            off 600
            pc_comes_up
            ;;
        *) on_pc "$line" || { say_why >&2; fail "$line"; } ;;
        esac
    done < <(lines 'pc#')
    [ "$(on_pc 'findmnt -n -o SOURCE /')" = /dev/nbd0p2 ] || fail "its root is $(on_pc 'findmnt -n -o SOURCE /')"
    [ "$(on_pc 'findmnt -n -o SOURCE /boot/firmware')" = /dev/nbd0p1 ] || fail "its boot partition is elsewhere"
    on_pc poweroff || true
    off 600
    echo "switched off in $took s"
}
pc_comes_up() {
    local began=$SECONDS
    power_on
    wait_until_within 1500 answers_ssh || { say_why >&2; fail "the PC can't be reached"; }
    echo "the PC answers after $((SECONDS - began)) s, $(cpu_seconds) s of CPU"
}
on_pc() {
    typed boot "ssh -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 -o LogLevel=ERROR root@$address '$1'"
}
answers_ssh() {
    address=$(awk '$2 == "52:54:00:12:34:56" { print $3 }' "$scratch/leases")
    [ -n "$address" ] && on_pc true 2>/dev/null
}

# --- the Pi --------------------------------------------------------------------------------------------------------

# an_sd_card FILE: as Raspberry Pi OS is laid out; what its files hold nobody here can run.
an_sd_card() {
    local boot=$scratch/sd-card file
    mkdir -p "$boot/overlays"
    for file in start4.elf fixup4.dat bcm2711-rpi-4-b.dtb kernel8.img initramfs8 overlays/vc4-kms-v3d.dtbo; do
        head -c $((RANDOM * 40)) /dev/urandom >"$boot/$file"
    done
    printf 'arm_64bit=1\nauto_initramfs=1\n' >"$boot/config.txt"
    printf 'console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait\n' >"$boot/cmdline.txt"
    truncate -s 128M "$1"
    printf 'label: dos\nlabel-id: 0x4e639091\nstart=8192, size=131072, type=c\nstart=139264, type=83\n' | sfdisk -q "$1"
    mkfs.vfat -F 32 -s 1 -n bootfs --offset 8192 "$1" 65536 >/dev/null 2>&1
    (cd "$boot" && MTOOLS_SKIP_CHECK=1 mcopy -Q -s -i "$1@@4M" -- * ::)
}

follow_for_a_pi() {
    an_sd_card "${server_root:-}$home/sd-card"
    the_server_is_set_up
    local image=${server_root:-}$home/raspios.img file line
    # Its EEPROM asks, and hears of an address from one and of what to boot from another.
    expect 'the answers to a Pi 4' "$(rom ask pi4 2)" '43:.*5261737062657272792050692042'
    ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0
    # It looks behind its serial number first, and where nothing is, in front of it.
    ! fetched_by_pi a1b2c3d4/start4.elf >/dev/null || fail "something is served as a1b2c3d4/start4.elf"
    for file in start4.elf config.txt fixup4.dat bcm2711-rpi-4-b.dtb overlays/vc4-kms-v3d.dtbo kernel8.img initramfs8 cmdline.txt; do
        fetched_by_pi "$file" | cmp - <(MTOOLS_SKIP_CHECK=1 mtype -i "$image@@4M" "::$file") || fail "the Pi gets another $file than is in the image"
    done
    # What its initramfs makes of the command line, and that this is served.
    line=$(fetched_by_pi cmdline.txt)
    # shellcheck disable=SC2016
    file=$(dash -c '. "$0"; nbdroot_words "$1"; nbdroot_resolve "$nbdroot_where" && echo "nbd://$nbd_host:$nbd_port/$nbd_export $nbdroot_root"' \
        "$e2e/../../initramfs-hooks/nbdroot.sh" "$line") || fail "no export is found in: $line"
    expect 'the command line' "$file" '^nbd://10\.77\.0\.2:10809/raspios\.img PARTUUID=4e639091-02$'
    file=${file%% *}
    [ "$(in_ns rom timeout 60 nbdinfo --size "$file")" = "$(stat -c %s "$image")" ] || fail "$file is not the image"
    # An update, by the Pi: all of it through NBD.
    cp "$image" "$scratch/updated"
    head -c 1000000 /dev/urandom >"$scratch/kernel8.img"
    MTOOLS_SKIP_CHECK=1 mcopy -o -i "$scratch/updated@@4M" "$scratch/kernel8.img" ::
    in_ns rom timeout 120 nbdcopy --flush "$scratch/updated" "$file"
    updated() { fetched_by_pi kernel8.img | cmp -s - "$scratch/kernel8.img"; }
    wait_until updated
    echo "a Pi 4 is answered, finds its files and its root, and the kernel it has written"
}
fetched_by_pi() { in_ns rom curl --silent --max-time 60 --tftp-blksize 1468 "tftp://10.77.0.2/$1"; }
rom() { timeout 60 ip netns exec "$net-rom" "$BUILD/tests/integration/dhcp/boot-rom" eth0 "$@"; }

"follow_for_a_$guide"
stop_server
[ "$guide" != pc ] || expect_clean_root
