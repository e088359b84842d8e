# shellcheck shell=sh
# protect-nic.sh: the network card that the root hangs on is not to be taken down or given another
# address by what manages networks in the booted system. Writes below /run, which stays, and never to
# the root: the next boot may use another card. Sourced; needs mkdir.
#
# systemd-networkd keeps the address and renews the lease, also beside NetworkManager and ifupdown,
# which leave the card alone: it is a part of systemd, and has nothing to do with a card that no file
# of its names. netplan, which configures it, is overruled for this card.

# The card whose configuration ipconfig wrote to /run/net-DEVICE.conf, to bootview_card.
bootview_find_card() {
    bootview_card=''
    for bootview_conf in /run/net-*.conf; do
        [ -e "$bootview_conf" ] || return 1
        bootview_card=${bootview_conf#/run/net-}
        bootview_card=${bootview_card%.conf}
        return 0
    done
}

# bootview_protect_card CARD [DIRECTORY]: DIRECTORY instead of /run, and its sys/ for /sys, are for
# the test.
bootview_protect_card() {
    bootview_run=${2:-/run}
    read -r bootview_mac <"${2:+$2/}/sys/class/net/$1/address" || return
    mkdir -p "$bootview_run/systemd/network" "$bootview_run/NetworkManager/conf.d" \
        "$bootview_run/systemd/system/networking.service.d" "$bootview_run/network" \
        "$bootview_run/systemd/system/multi-user.target.d"

    # 00: before what the image, cloud-init or netplan (10-) brings for the same card. The client
    # identifier is what ipconfig had, or the server would see another machine.
    bootview_write "$bootview_run/systemd/network/00-bootview.network" \
        '[Match]' "MACAddress=$bootview_mac" \
        '[Link]' 'RequiredForOnline=yes' \
        '[Network]' 'DHCP=ipv4' 'IPv6AcceptRA=yes' 'KeepConfiguration=yes' \
        '[DHCPv4]' 'ClientIdentifier=mac' 'UseRoutes=yes' 'SendRelease=no'
    # Where there is another manager it is not enabled.
    bootview_write "$bootview_run/systemd/system/multi-user.target.d/bootview.conf" \
        '[Unit]' 'Wants=systemd-networkd.service'
    bootview_write "$bootview_run/NetworkManager/conf.d/00-bootview.conf" \
        '[keyfile]' "unmanaged-devices=mac:$bootview_mac"
    # ifupdown believes that the card is up already, and does not take it down at the end.
    bootview_write "$bootview_run/network/ifstate.$1" "$1"
    bootview_write "$bootview_run/systemd/system/networking.service.d/bootview.conf" \
        '[Service]' "Environment=EXCLUDE_INTERFACES=$1"
}

# bootview_write FILE LINE...
bootview_write() {
    bootview_file=$1
    shift
    printf '%s\n' "$@" >"$bootview_file"
}
