# shellcheck shell=sh
# nbdroot.sh: which export is the root, out of the words of the kernel's command line.
#
# Sourced by the boot scripts of initramfs-tools and dracut. Pure: strings in, variables out. It
# starts no program, because an initramfs without busybox has none to start, and it never leaves the
# shell that sources it, which may be init itself. bootview-initramfs(7) lists the forms;
# tests/integration/initramfs/nbdroot_forms.sh has one line for each.
#
#   nbdroot_words LINE     the words of a command line: nbdroot_where, nbdroot_extras, nbdroot_root,
#                          nbdroot_dev, nbdroot_wait, nbdroot_bootserver
#   nbdroot_parse WHERE    one place: nbd_host, nbd_port, nbd_export, nbd_device; or status 1 and
#                          nbd_error, which says what to write instead
#   nbdroot_resolve WHERE  the same, with what DHCP said filled in: nbd_host is an address
#   nbdroot_resolve_extra  the same for nbdextra=

# The words that are for us. The last one counts, but for nbdextra=, of which each does.
nbdroot_words() {
    nbdroot_asked=no nbdroot_where='' nbdroot_extras='' nbdroot_root='' nbdroot_dev='' nbdroot_wait=''
    nbdroot_bootserver='' nbdroot_ip_server=''
    # No word may become the name of a file that happens to match it.
    set -f
    # shellcheck disable=SC2086
    set -- $1
    set +f
    for nbdroot_word; do
        case $nbdroot_word in
        nbdroot=*) nbdroot_asked=yes nbdroot_where=${nbdroot_word#nbdroot=} ;;
        nbdextra=*) nbdroot_extras="$nbdroot_extras ${nbdroot_word#nbdextra=}" ;;
        nbddev=*) nbdroot_asked=yes nbdroot_dev=${nbdroot_word#nbddev=} ;;
        nbdwait=*) nbdroot_wait=${nbdroot_word#nbdwait=} ;;
        nbdserver=*) nbdroot_bootserver=${nbdroot_word#nbdserver=} ;;
        root=/dev/nbd*) nbdroot_asked=yes nbdroot_root=${nbdroot_word#root=} ;;
        root=*) nbdroot_root=${nbdroot_word#root=} ;;
        # ip=CLIENT:SERVER:..., which pxelinux writes for IPAPPEND 1. SERVER is where it came from
        # itself: the boot server, although DHCP's next-server behind a proxy is the router.
        ip=*:*:*)
            nbdroot_ip_server=${nbdroot_word#*:}
            nbdroot_ip_server=${nbdroot_ip_server%%:*}
            ;;
        esac
    done
    [ -n "$nbdroot_bootserver" ] || nbdroot_bootserver=$nbdroot_ip_server
}

nbdroot_refuse() {
    nbd_error=$1
    return 1
}

# nbdroot_is_number TEXT: decimal digits, and at least one.
nbdroot_is_number() {
    case $1 in
    '' | *[!0123456789]*) return 1 ;;
    esac
}

nbdroot_set_port() {
    if ! nbdroot_is_number "$1" || [ ${#1} -gt 5 ] || [ "$1" -lt 1 ] || [ "$1" -gt 65535 ]; then
        nbdroot_refuse "'$1' is no port: write a number from 1 to 65535"
        return
    fi
    nbd_port=$1
}

# The kernel's device, whatever partition of it was named: nbd0, /dev/nbd0, /dev/nbd0p2.
nbdroot_set_device() {
    nbd_device=${1#/dev/}
    case $nbd_device in
    nbd[0123456789]*p[0123456789]*) nbd_device=${nbd_device%p*} ;;
    esac
    case $nbd_device in
    nbd*) nbdroot_is_number "${nbd_device#nbd}" && nbd_device=/dev/$nbd_device && return ;;
    esac
    nbd_device=''
    nbdroot_refuse "'$1' is no NBD device: write nbd0, nbd1, ..."
}

# What may stand in front of the export: an address, or a word for one that is found out.
nbdroot_set_host() {
    nbd_host=$1
    case $nbd_host in
    '' | dhcp | boot) return ;;
    *:*)
        case ${nbd_host%%%*} in
        *[!0123456789abcdefABCDEF:.]*) ;;
        *) return ;;
        esac
        ;;
    *[!0123456789.]* | .* | *. | *..* | *.*.*.*.*) ;;
    *.*.*.*) return ;;
    esac
    nbdroot_refuse "'$nbd_host' is no IP address: write one, as names can't be looked up this early"
}

# RFC 3986 §2.1; the result in nbd_export.
nbdroot_decode() {
    nbdroot_rest=$1 nbd_export=''
    while :; do
        case $nbdroot_rest in
        *%*) ;;
        *) break ;;
        esac
        nbd_export=$nbd_export${nbdroot_rest%%\%*}
        nbdroot_rest=${nbdroot_rest#*%}
        nbdroot_byte=${nbdroot_rest%"${nbdroot_rest#??}"}
        case $nbdroot_byte in
        [23456789abcdefABCDEF][0123456789abcdefABCDEF]) ;;
        *) nbdroot_refuse "'%$nbdroot_byte' in the URI is no character: write a % as %25" || return ;;
        esac
        # shellcheck disable=SC2059
        nbd_export=$nbd_export$(printf "\\$(printf %o "0x$nbdroot_byte")")
        nbdroot_rest=${nbdroot_rest#??}
    done
    nbd_export=$nbd_export$nbdroot_rest
}

# nbdroot_split TEXT: the address in front, to nbdroot_host, and what follows it, to nbdroot_rest.
nbdroot_split() {
    case $1 in
    \[*\]*)
        nbdroot_host=${1#\[}
        nbdroot_host=${nbdroot_host%%\]*}
        nbdroot_rest=${1#"[$nbdroot_host]"}
        return
        ;;
    \[*) nbdroot_refuse "'$1' has a [ without its ]" || return ;;
    esac
    # An IPv6 address without brackets is told by its colons; no port can follow it.
    nbdroot_host=${1%%[/,]*}
    case $nbdroot_host in
    *:*:*)
        case ${nbdroot_host%%:*} in
        *[!0123456789abcdefABCDEF]*) nbdroot_host=${1%%[:/,]*} ;;
        esac
        ;;
    *) nbdroot_host=${1%%[:/,]*} ;;
    esac
    nbdroot_rest=${1#"$nbdroot_host"}
}

# nbdroot_port_and_name REST: what follows HOST: in front of a name is a number its port, whatever stands between
# the two. Status 2: there is no port in it.
nbdroot_port_and_name() {
    case $1 in
    *[/:,]*)
        nbdroot_first=${1%%[/:,]*}
        nbdroot_is_number "$nbdroot_first" || return 2
        nbdroot_set_port "$nbdroot_first" || return 1
        nbdroot_rest=${1#"$nbdroot_first"}
        ;;
    *)
        nbdroot_is_number "$1" || return 2
        nbdroot_set_port "$1" || return 1
        nbdroot_rest=''
        ;;
    esac
    case $nbdroot_rest in
    '') ;;
    /*) nbd_export=${nbdroot_rest#/} ;;
    :*:*) nbdroot_refuse "'$1' is a port and what else? write HOST:PORT/NAME" || return 1 ;;
    :*) nbd_export=${nbdroot_rest#:} ;;
    ,*,*,*) nbdroot_refuse "'$1' has too many commas: HOST:PORT,NAME,DEVICE" || return 1 ;;
    ,*,*)
        nbd_export=${nbdroot_rest#,}
        nbd_export=${nbd_export%%,*}
        nbdroot_set_device "${nbdroot_rest##*,}" || return 1
        ;;
    ,nbd[0123456789]* | ,/dev/nbd[0123456789]*) nbdroot_set_device "${nbdroot_rest#,}" || return 1 ;;
    ,*) nbd_export=${nbdroot_rest#,} ;;
    esac
}

# nbdroot_parse_nbd REST: what follows nbd: in dracut.cmdline(7), HOST:PORT-OR-NAME[:FSTYPE[:ROOTFLAGS[:NBDOPTS]]],
# and in QEMU, HOST:PORT:exportname=NAME. How a file system is mounted is for rootfstype= and rootflags= to say.
nbdroot_parse_nbd() {
    nbdroot_split "$1" || return
    case $1 in
    unix:*) nbdroot_refuse "'nbd:$1' is a socket of another machine: write nbd:HOST:NAME" || return ;;
    \[*) ;;
    *:*)
        case $nbdroot_host in
        *:*) nbdroot_refuse "'nbd:$1': an IPv6 address needs brackets: write nbd:[ADDRESS]:NAME" || return ;;
        esac
        ;;
    esac
    nbdroot_set_host "$nbdroot_host" || return
    case $nbdroot_rest in
    '' | :) return ;;
    :*) nbdroot_rest=${nbdroot_rest#:} ;;
    *) nbdroot_refuse "'nbd:$1': write nbd:HOST:NAME" || return ;;
    esac
    nbdroot_second=${nbdroot_rest%%:*}
    case $nbdroot_rest in
    *:exportname=*) nbd_export=${nbdroot_rest#*:exportname=} ;;
    esac
    if nbdroot_is_number "${nbdroot_second%%/*}"; then
        nbdroot_set_port "${nbdroot_second%%/*}" || return
        case $nbdroot_second in
        */*) nbd_export=${nbdroot_second#*/} ;;
        esac
    else
        nbd_export=$nbdroot_second
    fi
}

nbdroot_parse() {
    nbd_host='' nbd_port=10809 nbd_export='' nbd_device='' nbd_error=''
    case $1 in
    nbd://*)
        # The NBD project's doc/uri.md. What follows ? or # is for other programs.
        nbdroot_text=${1#nbd://}
        nbdroot_text=${nbdroot_text%%[?#]*}
        nbdroot_uri_host=${nbdroot_text%%/*}
        nbdroot_split "${nbdroot_uri_host#*@}" || return
        nbdroot_set_host "$nbdroot_host" || return
        case $nbdroot_rest in
        '' | :) ;;
        :*) nbdroot_set_port "${nbdroot_rest#:}" || return ;;
        *) nbdroot_refuse "'$1': after nbd://HOST come :PORT and /NAME" || return ;;
        esac
        case $nbdroot_text in
        */*) nbdroot_decode "${nbdroot_text#*/}" || return ;;
        esac
        return
        ;;
    nbds://* | nbd+*://* | nbds+*://*)
        nbdroot_refuse "'$1': only nbd://HOST[:PORT]/NAME can be a root" || return
        ;;
    nbd:*)
        nbdroot_parse_nbd "${1#nbd:}"
        return
        ;;
    *' '*) nbdroot_refuse "'$1' has blanks in it: write HOST:PORT/NAME" || return ;;
    esac

    nbdroot_split "$1" || return
    nbdroot_set_host "$nbdroot_host" || return
    case $nbdroot_rest in
    '') ;;
    ,*)
        # HOST,PORT or HOST,NAME, and the device: nbd-client's README.Debian. Only digits are a port.
        nbdroot_rest=${nbdroot_rest#,}
        nbd_export=${nbdroot_rest%%,*}
        case $nbdroot_rest in
        *,*,*) nbdroot_refuse "'$1' has too many commas: HOST,NAME,DEVICE" || return ;;
        *,?*)
            case ${nbdroot_rest#*,} in
            nbd* | /dev/*) ;;
            *)
                if nbdroot_is_number "$nbd_export"; then
                    nbdroot_refuse "'$1': after HOST,PORT comes a device, not a name: write HOST:PORT/NAME" || return
                fi
                ;;
            esac
            nbdroot_set_device "${nbdroot_rest#*,}" || return
            ;;
        esac
        if nbdroot_is_number "$nbd_export"; then
            nbdroot_set_port "$nbd_export" || return
            nbd_export=''
        fi
        ;;
    # HOST:/NAME, written as NFS writes it, and HOST/NAME.
    :/*) nbd_export=${nbdroot_rest#:/} ;;
    /*) nbd_export=${nbdroot_rest#/} ;;
    :*)
        # HOST:PORT/NAME, HOST:PORT:NAME, HOST:PORT, and the HOST:NAME of many a how-to.
        nbdroot_status=0
        nbdroot_name=${nbdroot_rest#:}
        nbdroot_port_and_name "$nbdroot_name" || nbdroot_status=$?
        case $nbdroot_status in
        1) return 1 ;;
        2) nbd_export=$nbdroot_name ;;
        esac
        ;;
    *) nbdroot_refuse "'$1': write HOST/NAME or HOST:PORT/NAME" || return ;;
    esac
}

# nbdroot_parse, and then: what DHCP told ($ROOTPATH, $ROOTSERVER, $IPV4GATEWAY, as ipconfig names
# them), where we booted from, and the device, which is the one in root= unless WHERE has one itself.
nbdroot_resolve() {
    nbdroot_asked_for=$1
    case $1 in
    '' | dhcp)
        nbdroot_asked_for=${ROOTPATH#nbdroot=}
        [ -n "$nbdroot_asked_for" ] || {
            nbd_error="DHCP sent no root-path: write nbdroot=HOST/NAME, or have it sent"
            return 1
        }
        ;;
    esac
    nbdroot_parse "$nbdroot_asked_for" || return
    case $nbd_host in
    boot)
        nbd_host=$nbdroot_bootserver
        # Without the boot loader's word only next-server is left; and for want of one, ipconfig
        # takes the DHCP server itself.
        if [ -z "$nbd_host" ] && [ -n "$ROOTSERVER" ] && [ "$ROOTSERVER" != "$IPV4GATEWAY" ]; then
            nbd_host=$ROOTSERVER
        fi
        ;;
    dhcp)
        # README.Debian: the root-path is then the server's address, and nothing but that.
        nbd_host=$ROOTSERVER
        case $ROOTPATH in
        *[!0123456789.]* | '') ;;
        *.*.*.*) nbd_host=$ROOTPATH ;;
        esac
        ;;
    '') nbd_host=$ROOTSERVER ;;
    esac
    case $nbd_host in
    '' | 0.0.0.0)
        nbd_error="the boot server is unknown: write its address into nbdroot=, or let the boot loader say it (nbdserver=ADDRESS, or IPAPPEND 3 in pxelinux.cfg)"
        return 1
        ;;
    esac
    # An address that came from elsewhere may be anything.
    nbdroot_set_host "$nbd_host" || return
    nbdroot_set_root_device
}

# root= overrides the device behind the comma, as README.Debian has it.
nbdroot_set_root_device() {
    case $nbdroot_root in
    /dev/nbd[0123456789]*) nbdroot_set_device "$nbdroot_root" || return ;;
    *) [ -z "$nbdroot_dev" ] || nbdroot_set_device "$nbdroot_dev" || return ;;
    esac
    [ -n "$nbd_device" ] || nbd_device=/dev/nbd0
}

# nbdroot_resolve_extra WHERE HOST PORT DEVICE: an export beside the root; what WHERE leaves open is
# as given, so that nbdextra=/swap is another export of the root's server.
nbdroot_resolve_extra() {
    nbdroot_parse "$1" || return
    case $nbd_host in
    '') nbd_host=$2 nbd_port=$3 ;;
    boot | dhcp)
        nbdroot_refuse "'$1': write an address, or only /NAME for the server of the root" || return
        ;;
    esac
    [ -n "$nbd_device" ] || nbd_device=$4
}
