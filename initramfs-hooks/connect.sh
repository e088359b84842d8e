# shellcheck shell=sh
# connect.sh: attaches the exports that the kernel's command line names. Sourced by the boot scripts
# of initramfs-tools and dracut after nbdroot.sh; needs modprobe and sleep, and nothing else that may
# be missing from an initramfs. May run in init itself: it never exits.

# The whole seconds since the machine started.
bootview_uptime() {
    read -r bootview_now _ </proc/uptime
    bootview_now=${bootview_now%%.*}
}

# How long to wait for a server that does not answer: nbdwait=, else rootdelay= if it is more than
# the three minutes that root over NFS waits. 0 is for ever.
bootview_patience() {
    bootview_limit=180
    if nbdroot_is_number "$nbdroot_wait"; then
        bootview_limit=$nbdroot_wait
    elif nbdroot_is_number "${ROOTDELAY-}" && [ "$ROOTDELAY" -gt "$bootview_limit" ]; then
        bootview_limit=$ROOTDELAY
    fi
}

# One attempt at nbd_host, nbd_port, nbd_export, nbd_device. What went wrong is in bootview_reason;
# status 1: it may be better in a second.
bootview_try() {
    bootview_reason=$(/usr/sbin/bootview-nbd-attach --device "$nbd_device" --host "$nbd_host" \
        --port "$nbd_port" --export "$nbd_export" 2>&1) && return
    # 3: a kernel without the interface it needs. The ordinary client knows the older one, and does
    # without reconnecting.
    [ $? = 3 ] && [ -x /sbin/nbd-client ] || return
    bootview_reason=$(/sbin/nbd-client "$nbd_host" "$nbd_port" -N "$nbd_export" "$nbd_device" \
        -swap -persist -systemd-mark 2>&1)
}

# bootview_wait_for COMMAND: until it succeeds or the patience is at its end. The reason is shown
# when it changes, and what is left of the time always, `quiet` or not: it is a human who waits.
bootview_wait_for() {
    bootview_uptime
    bootview_end=$((bootview_now + bootview_limit)) bootview_shown=''
    until "$@"; do
        [ "$bootview_reason" = "$bootview_shown" ] || {
            [ -z "$bootview_shown" ] || printf '\n'
            printf '%s\n' "bootview: $bootview_reason"
            bootview_shown=$bootview_reason
        }
        bootview_uptime
        if [ "$bootview_limit" = 0 ]; then
            printf '\rbootview: trying again until it answers '
        elif [ "$bootview_now" -lt "$bootview_end" ]; then
            printf '\rbootview: trying again for %s s ' $((bootview_end - bootview_now))
        else
            printf '\n'
            return 1
        fi
        sleep 1
    done
    [ -z "$bootview_shown" ] || printf '\n'
}

# The exports beside the root. The boot goes on without one: what needs it says so itself.
bootview_attach_extras() {
    bootview_root_host=$nbd_host bootview_root_port=$nbd_port
    bootview_next=${nbd_device#/dev/nbd}
    for bootview_extra in $nbdroot_extras; do
        bootview_next=$((bootview_next + 1))
        if ! nbdroot_resolve_extra "$bootview_extra" "$bootview_root_host" "$bootview_root_port" \
            "/dev/nbd$bootview_next"; then
            echo "bootview: nbdextra=$bootview_extra: $nbd_error"
        elif bootview_wait_for bootview_try; then
            echo "bootview: $nbd_device is '$nbd_export' of $nbd_host port $nbd_port"
        else
            echo "bootview: $nbd_device is missing: $bootview_reason"
        fi
    done
}
