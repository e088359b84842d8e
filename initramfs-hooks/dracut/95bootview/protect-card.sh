#!/bin/sh
# Sourced by dracut when the root is mounted: announces the card that it hangs on to the network
# managers of the system that comes now.

if [ -e /run/bootview-attached ]; then
    . /usr/lib/bootview/protect-nic.sh
    read -r bootview_card </run/bootview-attached
    bootview_protect_card "$bootview_card"
fi
