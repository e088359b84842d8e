# A diskless PC boots from each kind of root, and by each way of naming it; writes there, and switches itself off
# cleanly. If this fails, somebody's machine stays dark whose disk is encrypted, or whose image names no server.
#     boots_from.sh FORM...    of those below; without any, all of them
# For each a line of a table: seconds by the clock until it answered, to `reboot`, to `poweroff`; and of CPU until it answered.
source "$(dirname "$0")/machine.sh"

all=(partition label uuid partuuid uri dhcp boot ipxe ipv6 lvm luks btrfs xfs dracut trixie trixie-dracut grows
    tree-pxelinux tree-grub tree-ipxe-bios tree-ipxe-uefi)
if [ $# != 1 ]; then
    [ $# != 0 ] || set -- "${all[@]}"
    status=0
    for form; do bash "$0" "$form" || status=$?; done
    exit "$status"
fi

form=$1 kind=debian where=10.77.0.2/debian root=/dev/nbd0p2 more='' found='/dev/nbd0p2 +ext4' dhcp_options=()
fsck=''
case $form in
partition) ;;
label) root=LABEL=writable ;;
uuid) root=UUID ;; # below, as it is another with each image
partuuid) root=PARTUUID=62766532-02 ;;
uri) where=nbd://10.77.0.2:10809/debian ;;
# Only where the boot loader leaves the address to the initramfs does that ask by DHCP, and hears of root-path.
dhcp) where=dhcp root=LABEL=writable dhcp_options=("--dhcp-option=option:root-path,10.77.0.2:/debian") ;;
# An image that names no server: pxelinux tells where it came from (IPAPPEND).
boot) where=boot:/debian root=LABEL=writable ;;
# The same by an UEFI and iPXE, whose script is examples/make-debian-image's.
ipxe) where=boot:/debian root=LABEL=writable FIRMWARE=uefi ;;
ipv6) where='[fd77::2]/debian' root=LABEL=writable ;;
lvm)
    kind=lvm root=/dev/mapper/diskless-root found='/dev/mapper/diskless-root +ext4'
    fsck='vgchange -q -ay diskless && e2fsck -fn /dev/diskless/root'
    ;;
luks)
    kind=luks root=/dev/mapper/rootcrypt more=' cryptopts=target=rootcrypt,source=/dev/nbd0p2' found='/dev/mapper/rootcrypt +ext4'
    fsck='printf passphrase | cryptsetup open --key-file=- /dev/vdb2 root && e2fsck -fn /dev/mapper/root'
    ;;
btrfs) kind=btrfs root=LABEL=writable found='/dev/nbd0p2 +btrfs' fsck='modprobe btrfs && btrfs check --readonly /dev/vdb2' ;;
xfs) kind=xfs root=LABEL=writable found='/dev/nbd0p2 +xfs' fsck='modprobe xfs && xfs_repair -n /dev/vdb2' ;;
# An initramfs of dracut's, which refuses the ip= that pxelinux writes, so that it asks by DHCP itself.
dracut | trixie-dracut) kind=$form root=LABEL=writable ;;
# The next Debian, whose kernel and programs are others too.
trixie) kind=$form where=boot:/debian root=LABEL=writable ;;
# An image made larger on the server, which takes the room on its first boot, as those that one downloads do.
grows) ;;
# By the files of examples/boot-trees, put into the image as docs/howto/boot-trees.md says.
tree-*)
    tree=${form#tree-} tree=${tree%%-*} where=boot:/$tree root=LABEL=rootfs
    case $form in tree-grub | *-uefi) export FIRMWARE=uefi ;; esac
    # GRUB asks the server that the DHCP server names, so that this has to tell what to load.
    if [ "$form" = tree-grub ]; then
        "$BUILD/bootview/bootview" dhcp-snippet dnsmasq --server 10.77.0.2 --x64 grubnetx64.efi >"$scratch/snippet"
        dhcp_options=("--conf-file=$scratch/snippet") proxy=()
    fi
    ;;
*) fail "there is no form $form: ${all[*]}" ;;
esac

# plant_tree TREE: what that document has its readers type for it, in place of whatever boots the image otherwise.
plant_tree() {
    local heading label=rootfs fstab=$scratch/fstab configuration
    case $1 in
    pxelinux) heading=PXELINUX configuration=pxelinux.cfg/default ;;
    grub) heading=GRUB configuration=grub/grub.cfg ;;
    ipxe) heading=iPXE configuration=boot.ipxe ;;
    esac
    sed -n "/^## $heading,/,/^## /p" "$e2e/../../docs/howto/boot-trees.md" | sed -n '/^```sh$/,/^```$/p' | sed '/^```/d' |
        sed "s|/usr/share/doc/bootview/examples|$(realpath "$e2e/../../examples")|" >"$scratch/typed"
    [ "$(wc -l <"$scratch/typed")" = 4 ] || fail "not the four lines of the document: $(cat "$scratch/typed")"
    local needed
    while read -r needed; do
        [ -e "$needed" ] || { echo "skipped: no $needed; apt install pxelinux syslinux-common ipxe grub-efi-amd64-signed"; exit 77; }
    done < <(grep -oE '/usr/lib/[^ ]+' "$scratch/typed")
    for old_one in pxelinux.0 ldlinux.c32 snponly.efi boot.ipxe pxelinux.cfg/default; do mdel -i "$image@@1M" "::$old_one"; done
    mrd -i "$image@@1M" ::pxelinux.cfg
    (cd "$scratch" && ln -s "$image" "$1.img" && bash -e "$scratch/typed") || fail "the lines of the document: $(cat "$scratch/typed")"
    # What this test needs beside them: the label that they name, and words for a slow machine.
    e2label "$image?offset=$((97 << 20))" "$label"
    printf 'LABEL=%s / ext4 defaults 0 1\nLABEL=system-boot /boot/firmware vfat defaults,x-systemd.device-timeout=900 0 2\n' "$label" >"$fstab"
    debugfs -w -f - "$image?offset=$((97 << 20))" >"$scratch/debugfs" 2>&1 <<COMMANDS
rm /etc/fstab
write $fstab /etc/fstab
COMMANDS
    sed -i 's|root=LABEL=rootfs rw|& console=ttyS0,115200 systemd.default_timeout_start_sec=900|' "$scratch/$1/$configuration"
    grep -q 'timeout_start_sec=900' "$scratch/$1/$configuration" || fail "no such words in $configuration"
    mcopy -o -i "$image@@1M" "$scratch/$1/$configuration" "::$configuration"
}

make_place "$kind" "${dhcp_options[@]}"
export MTOOLS_SKIP_CHECK=1
[[ $form != tree-* ]] || plant_tree "$tree"
[ "$root" != UUID ] || root=UUID=$(blkid -p -O $((97 << 20)) -s UUID -o value "$image")
words="nbdroot=$where root=$root$more"
[[ $form = tree-* ]] || edit_pxelinux "s|nbdroot=[^ ]* root=[^ ]*|$words|"
if [ "$form" = ipxe ]; then
    MTOOLS_SKIP_CHECK=1 mcopy -n -o -i "$image@@1M" ::boot.ipxe "$scratch/boot.ipxe"
    sed -n '/^# Behind a DHCP proxy/,/^isset/p' "$e2e/../../examples/make-debian-image" | tr -d '\\' >"$scratch/server.ipxe"
    # shellcheck disable=SC2016 # iPXE puts it in
    sed -i -e "1r $scratch/server.ipxe" -e "s|nbdroot=[^ ]* root=[^ ]*|$words|" -e 's|ip=.* BOOTIF|nbdserver=${server} BOOTIF|' "$scratch/boot.ipxe"
    MTOOLS_SKIP_CHECK=1 mcopy -o -i "$image@@1M" "$scratch/boot.ipxe" ::boot.ipxe
fi
[[ $form != dhcp && $form != *dracut ]] || edit_pxelinux 's/IPAPPEND 3/IPAPPEND 2/'
if [ "$form" = grows ]; then
    truncate -s +64M "$image"
    printf '%s\n' '[Unit]' 'ConditionPathExists=!/etc/grown' 'Before=e2e-agent.service' \
        '[Service]' 'Type=oneshot' 'ExecStart=/bin/bash /etc/grow' >"$scratch/grow.service"
    cat >"$scratch/grow" <<'SCRIPT'
set -e
df --output=size / | tail -n1 >/etc/small
echo ', +' | sfdisk --no-reread --force -N 2 /dev/nbd0
partx -u -n 2 /dev/nbd0
resize2fs /dev/nbd0p2
touch /etc/grown
SCRIPT
    debugfs -w -f - "$image?offset=$((97 << 20))" >"$scratch/debugfs" 2>&1 <<COMMANDS
write $scratch/grow /etc/grow
write $scratch/grow.service /etc/systemd/system/grow.service
symlink /etc/systemd/system/multi-user.target.wants/grow.service /etc/systemd/system/grow.service
COMMANDS
fi
ip -n "$net-boot" addr add fd77::2/64 dev eth0 nodad
bootview_serve

boots=0
# up: powers it on and waits for it, with the human where one is needed.
up() {
    power_on
    boots=$((boots + 1))
    [ "$form" != luks ] || type_on_console 'Please unlock disk' passphrase "$boots"
    booted 900
    # What a boot loader puts in stands between them.
    local line
    line=" $(guest <<<'cat /proc/cmdline') "
    [[ $line == *" nbdroot=$where "* && $line == *" root=$root$more "* ]] || fail "$form: it was booted by: $line"
    expect 'the root' "$(guest <<<'findmnt -n -o SOURCE,FSTYPE /')" "^$found\$"
    # Whatever lies between.
    guest <<<'lsblk -n -l -s -o NAME "$(findmnt -n -o SOURCE /)" | grep -qx "nbd0 *"' || fail "$form: the root is not on NBD"
    expect 'the boot partition' "$(guest <<<'findmnt -n -o SOURCE,FSTYPE /boot/firmware')" '^/dev/nbd0p1 +vfat$'
}

began=$SECONDS
up
booted=$((SECONDS - began)) cpu=$(cpu_seconds)
[ "$form" != grows ] || guest <<<'[ -e /etc/grown ] && [ "$(df --output=size / | tail -n1)" -gt $(($(cat /etc/small) + 50000)) ]' ||
    fail "the root has not grown: $(guest <<<'df /; systemctl status --no-pager --full grow.service')"
guest <<'SCRIPT' >"$scratch/written" || fail "$form: the guest can't write to its root"
set -e
dd if=/dev/urandom of=/root/written bs=64K count=64 conv=fsync status=none
sha256sum </root/written
SCRIPT
# Each kind of root once more; how it was named makes no difference now.
reboot=''
if [ "$kind" != debian ] || [[ $form = partition || $form = grows ]]; then
    guest <<<'(sleep 1; systemctl --no-block reboot) >/dev/null 2>&1 &' || true
    off 300
    reboot=$took
    up
    guest <<<'sha256sum </root/written' | cmp - "$scratch/written" || fail "$form: after the reboot something else is there than was written"
fi
switched_off 300
poweroff=$took
stop_server
expect_no_errors

if [ -z "$fsck" ]; then
    expect_clean_root
else
    "$e2e/run-on-disk" "$made/tools.img" 600 "$image" <<<"$fsck" >"$scratch/fsck" 2>&1 || fail "$form: the root is not clean: $(cat "$scratch/fsck")"
fi
echo "| $form | \`$words\` | $booted | $cpu | $reboot | $poweroff |"
