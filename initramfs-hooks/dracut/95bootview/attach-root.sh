#!/bin/sh
# Called by dracut's netroot when a card is up: attach-root.sh CARD NETROOT NEWROOT.

. /lib/dracut-lib.sh
. /usr/lib/bootview/nbdroot.sh
. /usr/lib/bootview/connect.sh

nbdroot_words "$(getcmdline)"
bootview_patience

# What DHCP said, under the names that ipconfig has for it.
if [ -e "/tmp/dhclient.$1.dhcpopts" ]; then
    # shellcheck disable=SC1090
    . "/tmp/dhclient.$1.dhcpopts"
    ROOTPATH=$new_root_path
    ROOTSERVER=${new_next_server:-$new_dhcp_server_identifier}
    IPV4GATEWAY=${new_routers%% *}
fi

modprobe nbd
nbdroot_resolve "$nbdroot_where" || {
    warn "bootview: nbdroot=$nbdroot_where: $nbd_error"
    exit 1
}
# A second card that comes up later finds the work done.
[ ! -e /run/bootview-attached ] || exit 0
bootview_wait_for bootview_try || {
    warn "bootview: gave up: $bootview_reason"
    exit 1
}
echo "$1" >/run/bootview-attached
info "bootview: $nbd_device is '$nbd_export' of $nbd_host port $nbd_port"
bootview_attach_extras
need_shutdown
