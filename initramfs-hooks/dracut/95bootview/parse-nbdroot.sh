#!/bin/sh
# Sourced by dracut for the command line: asks for a network, and for attach-root.sh when it is up.

command -v getargs >/dev/null || . /lib/dracut-lib.sh
. /usr/lib/bootview/nbdroot.sh

nbdroot_words "$(getcmdline)"
# netroot=nbd: and root=nbd: are for dracut's own module.
if [ "$nbdroot_asked" = yes ] && [ -z "$netroot" ]; then
    # dracut's netroot calls the handler <word before the colon>root.
    netroot=bootview:$nbdroot_where
    rootok=1
    mkdir -p /etc/cmdline.d
    echo rd.neednet=1 >/etc/cmdline.d/bootview.conf
    getargs ip= >/dev/null || echo ip=dhcp >>/etc/cmdline.d/bootview.conf
fi
