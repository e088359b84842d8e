# Every way of writing nbdroot= means what bootview-initramfs(7) says, in each shell an initramfs may have, which
# needs no program for it. If this fails, a machine does not find its root, or takes another one's.
#
# A line of the table: words of the kernel's command line | what DHCP told | HOST PORT EXPORT DEVICE, or `! WORDS` of
# the refusal. An empty EXPORT is written -.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
parser=$here/../../../initramfs-hooks/nbdroot.sh

table() {
    cat <<'TABLE'
# The forms of nbd-client's documentation, of how-tos, of NFS.
nbdroot=192.168.0.2/disk root=/dev/nbd0p2 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2:10810/disk root=/dev/nbd0p2 | | 192.168.0.2 10810 disk /dev/nbd0
nbdroot=192.168.0.2:disk root=/dev/nbd0p2 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2:/disk root=/dev/nbd0p2 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2,disk root=/dev/nbd0p2 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2,10810 root=/dev/nbd0p2 | | 192.168.0.2 10810 - /dev/nbd0
nbdroot=192.168.0.2:10810 root=/dev/nbd0 | | 192.168.0.2 10810 - /dev/nbd0
nbdroot=192.168.0.2 root=/dev/nbd0 | | 192.168.0.2 10809 - /dev/nbd0
nbdroot=192.168.0.2,disk,nbd3 root=LABEL=writable | | 192.168.0.2 10809 disk /dev/nbd3
nbdroot=192.168.0.2,disk,nbd3 root=/dev/nbd1p2 | | 192.168.0.2 10809 disk /dev/nbd1
nbdroot=192.168.0.2,10810,nbd0 root=/dev/nbd0p2 | | 192.168.0.2 10810 - /dev/nbd0
nbdroot=192.168.0.2,disk,/dev/nbd2 root=UUID=1234 | | 192.168.0.2 10809 disk /dev/nbd2
# A root by name, without nbddev=; and with it.
nbdroot=192.168.0.2/disk root=LABEL=writable | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2/disk root=UUID=6e626c61-6200 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2/disk root=PARTUUID=6e626c62-02 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2/disk root=/dev/mapper/vg-root | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=192.168.0.2/disk nbddev=/dev/nbd5 root=LABEL=writable | | 192.168.0.2 10809 disk /dev/nbd5
nbdroot=192.168.0.2/disk nbddev=nbd5 root=LABEL=writable | | 192.168.0.2 10809 disk /dev/nbd5
nbdroot=192.168.0.2/disk root=/dev/nbd11p12 | | 192.168.0.2 10809 disk /dev/nbd11
# Names with anything in them; one of digits takes the slash.
nbdroot=192.168.0.2/a/b/c.img root=/dev/nbd0 | | 192.168.0.2 10809 a/b/c.img /dev/nbd0
nbdroot=192.168.0.2:a/b root=/dev/nbd0 | | 192.168.0.2 10809 a/b /dev/nbd0
nbdroot=192.168.0.2/a,b:c root=/dev/nbd0 | | 192.168.0.2 10809 a,b:c /dev/nbd0
nbdroot=192.168.0.2/10809 root=/dev/nbd0 | | 192.168.0.2 10809 10809 /dev/nbd0
nbdroot=192.168.0.2://disk root=/dev/nbd0 | | 192.168.0.2 10809 /disk /dev/nbd0
nbdroot=192.168.0.2:a:b root=/dev/nbd0 | | 192.168.0.2 10809 a:b /dev/nbd0
nbdroot=192.168.0.2/* root=/dev/nbd0 | | 192.168.0.2 10809 * /dev/nbd0
nbdroot=192.168.0.2/$HOME`id` root=/dev/nbd0 | | 192.168.0.2 10809 $HOME`id` /dev/nbd0
nbdroot=192.168.0.2/a\x root=/dev/nbd0 | | 192.168.0.2 10809 a\x /dev/nbd0
# IPv6.
nbdroot=[fd00::2]:10810/disk root=/dev/nbd0p2 | | fd00::2 10810 disk /dev/nbd0
nbdroot=[fd00::2]/disk root=/dev/nbd0p2 | | fd00::2 10809 disk /dev/nbd0
nbdroot=[fd00::2]:/disk root=/dev/nbd0p2 | | fd00::2 10809 disk /dev/nbd0
nbdroot=[fd00::2]:disk root=/dev/nbd0p2 | | fd00::2 10809 disk /dev/nbd0
nbdroot=[fd00::2],disk,nbd1 root=LABEL=x | | fd00::2 10809 disk /dev/nbd1
nbdroot=fd00::2,disk,nbd1 root=LABEL=x | | fd00::2 10809 disk /dev/nbd1
nbdroot=fd00::2/disk root=LABEL=x | | fd00::2 10809 disk /dev/nbd0
nbdroot=[fe80::1%eth0]/disk root=LABEL=x | | fe80::1%eth0 10809 disk /dev/nbd0
nbdroot=[::ffff:192.168.0.2]/disk root=LABEL=x | | ::ffff:192.168.0.2 10809 disk /dev/nbd0
# NBD URIs.
nbdroot=nbd://192.168.0.2/disk root=/dev/nbd0p2 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=nbd://192.168.0.2:10810/disk root=/dev/nbd0p2 | | 192.168.0.2 10810 disk /dev/nbd0
nbdroot=nbd://192.168.0.2 root=/dev/nbd0p2 | | 192.168.0.2 10809 - /dev/nbd0
nbdroot=nbd://192.168.0.2/ root=/dev/nbd0p2 | | 192.168.0.2 10809 - /dev/nbd0
nbdroot=nbd://me@192.168.0.2/disk?socket=x root=/dev/nbd0p2 | | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=nbd://[fd00::2]:10810/disk root=/dev/nbd0p2 | | fd00::2 10810 disk /dev/nbd0
nbdroot=nbd://192.168.0.2/my%20disk%2F1%25 root=/dev/nbd0p2 | | 192.168.0.2 10809 my disk/1% /dev/nbd0
nbdroot=nbd://192.168.0.2/a,b root=/dev/nbd0p2 | | 192.168.0.2 10809 a,b /dev/nbd0
nbdroot=nbd://192.168.0.2//disk root=/dev/nbd0p2 | | 192.168.0.2 10809 /disk /dev/nbd0
# DHCP: root-path, next-server.
nbdroot=dhcp root=/dev/nbd0p2 | ROOTPATH=192.168.0.2/disk | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=dhcp root=LABEL=writable | ROOTPATH=192.168.0.2,disk,nbd2 | 192.168.0.2 10809 disk /dev/nbd2
nbdroot=dhcp root=LABEL=writable | ROOTPATH=nbdroot=192.168.0.2,disk,nbd2 | 192.168.0.2 10809 disk /dev/nbd2
nbdroot=dhcp root=LABEL=writable | ROOTPATH=nbd://192.168.0.2/disk | 192.168.0.2 10809 disk /dev/nbd0
root=/dev/nbd0p2 | ROOTPATH=192.168.0.2/disk | 192.168.0.2 10809 disk /dev/nbd0
nbdroot= root=/dev/nbd0p2 | ROOTPATH=192.168.0.2/disk | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=dhcp,disk,nbd1 root=LABEL=x | ROOTPATH=192.168.0.2 ROOTSERVER=192.168.0.1 | 192.168.0.2 10809 disk /dev/nbd1
nbdroot=dhcp,disk root=/dev/nbd0p2 | ROOTSERVER=192.168.0.2 | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=dhcp:/disk root=/dev/nbd0p2 | ROOTSERVER=192.168.0.2 ROOTPATH=/srv/nfs | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=/disk root=/dev/nbd0p2 | ROOTSERVER=192.168.0.2 | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=:/disk root=/dev/nbd0p2 | ROOTSERVER=192.168.0.2 | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=:10810/disk root=/dev/nbd0p2 | ROOTSERVER=192.168.0.2 | 192.168.0.2 10810 disk /dev/nbd0
nbdroot=dhcp root=/dev/nbd0p2 | ROOTPATH=/disk ROOTSERVER=192.168.0.2 | 192.168.0.2 10809 disk /dev/nbd0
# Where it booted from: what the boot loader says, before what DHCP says; never the router.
ip=192.168.0.130:192.168.0.2:192.168.0.1:255.255.255.0 nbdroot=boot:/disk root=LABEL=x | ROOTSERVER=192.168.0.1 IPV4GATEWAY=192.168.0.1 | 192.168.0.2 10809 disk /dev/nbd0
ip=192.168.0.130:192.168.0.2:192.168.0.1:255.255.255.0 nbdroot=boot:10810/disk root=LABEL=x | | 192.168.0.2 10810 disk /dev/nbd0
ip=dhcp nbdserver=192.168.0.2 nbdroot=boot:/disk root=LABEL=x | ROOTSERVER=192.168.0.1 | 192.168.0.2 10809 disk /dev/nbd0
ip=1.1.1.1:192.168.0.9:: nbdserver=192.168.0.2 nbdroot=boot/disk root=LABEL=x | | 192.168.0.2 10809 disk /dev/nbd0
ip=dhcp nbdroot=boot:/disk root=LABEL=x | ROOTSERVER=192.168.0.2 IPV4GATEWAY=192.168.0.1 | 192.168.0.2 10809 disk /dev/nbd0
nbdroot=nbd://boot/disk nbdserver=fd00::2 root=LABEL=x | | fd00::2 10809 disk /dev/nbd0
ip=dhcp nbdroot=boot:/disk root=LABEL=x | ROOTSERVER=192.168.0.1 IPV4GATEWAY=192.168.0.1 | ! nbdserver=ADDRESS
ip=:::::eth0:dhcp nbdroot=boot:/disk root=LABEL=x | | ! nbdserver=ADDRESS
nbdserver=bootserver nbdroot=boot:/disk root=LABEL=x | | ! is no IP address
# The last word counts.
nbdroot=192.168.0.9/other nbdroot=192.168.0.2/disk root=/dev/nbd0 | | 192.168.0.2 10809 disk /dev/nbd0
# What can't be meant.
nbdroot=bootserver/disk root=/dev/nbd0p2 | | ! is no IP address
nbdroot=1.2.3/disk root=/dev/nbd0p2 | | ! is no IP address
nbdroot=1.2.3.4.5/disk root=/dev/nbd0p2 | | ! is no IP address
nbdroot=gg::1,disk root=/dev/nbd0p2 | | ! is no IP address
nbdroot=192.168.0.2:70000/disk root=/dev/nbd0p2 | | ! is no port
nbdroot=192.168.0.2:0/disk root=/dev/nbd0p2 | | ! is no port
nbdroot=192.168.0.2,999999 root=/dev/nbd0p2 | | ! is no port
nbdroot=192.168.0.2,disk,sda root=LABEL=x | | ! is no NBD device
nbdroot=192.168.0.2,disk,nbd0,x root=LABEL=x | | ! too many commas
nbdroot=192.168.0.2/disk nbddev=nbdx root=LABEL=x | | ! is no NBD device
nbdroot=[fd00::2/disk root=/dev/nbd0p2 | | ! without its ]
nbdroot=[fd00::2]disk root=/dev/nbd0p2 | | ! write HOST/NAME
nbdroot=nbds://192.168.0.2/disk root=/dev/nbd0p2 | | ! only nbd://
nbdroot=nbd+unix:///disk?socket=/x root=/dev/nbd0p2 | | ! only nbd://
nbdroot=nbd://192.168.0.2/100%zz root=/dev/nbd0p2 | | ! write a % as %25
nbdroot=nbd://192.168.0.2/a%0a root=/dev/nbd0p2 | | ! write a % as %25
nbdroot=nbd://192.168.0.2/a%2 root=/dev/nbd0p2 | | ! write a % as %25
nbdroot=nbd://[fd00::2]x/disk root=/dev/nbd0p2 | | ! come :PORT and /NAME
nbdroot=dhcp root=/dev/nbd0p2 | | ! DHCP sent no root-path
nbdroot=/disk root=/dev/nbd0p2 | ROOTSERVER=0.0.0.0 | ! the boot server is unknown
TABLE
}

# Reads lines of the table; runs in the shell under test, which finds no program at all.
# shellcheck disable=SC2016
reader='
failures=0 lines=0
while read -r line; do
    case $line in "#"*) continue ;; esac
    words=${line%% |*}
    told=${line#* |}; expected=${told#*| }; told=${told%%|*}
    ROOTPATH= ROOTSERVER= IPV4GATEWAY=
    for pair in $told; do
        case $pair in
        ROOTPATH=*) ROOTPATH=${pair#*=} ;;
        ROOTSERVER=*) ROOTSERVER=${pair#*=} ;;
        IPV4GATEWAY=*) IPV4GATEWAY=${pair#*=} ;;
        esac
    done
    nbdroot_words "BOOT_IMAGE=vmlinuz $words quiet"
    if nbdroot_resolve "$nbdroot_where"; then
        got="$nbd_host $nbd_port ${nbd_export:--} $nbd_device"
    else
        got="! $nbd_error"
        case $expected in "! "*) case $nbd_error in *"${expected#! }"*) got=$expected ;; esac ;; esac
    fi
    [ "$nbdroot_asked" = yes ] || got="not asked for"
    lines=$((lines + 1))
    [ "$got" = "$expected" ] || {
        failures=$((failures + 1))
        printf "%s\n  expected: %s\n  got:      %s\n" "$words |$told" "$expected" "$got"
    }
done
printf "%s lines, %s wrong\n" $lines $failures
[ $lines -gt 80 ] && [ $failures = 0 ] || exit 1

extra() {
    nbdroot_resolve_extra "$1" 192.168.0.2 10810 /dev/nbd1 && got="$nbd_host $nbd_port $nbd_export $nbd_device" || got="! $nbd_error"
    [ "$got" = "$2" ] || { printf "nbdextra=%s\n  expected: %s\n  got:      %s\n" "$1" "$2" "$got"; exit 1; }
}
extra /swap "192.168.0.2 10810 swap /dev/nbd1"
extra 192.168.0.3/swap "192.168.0.3 10809 swap /dev/nbd1"
extra ,swap,nbd4 "192.168.0.2 10810 swap /dev/nbd4"
extra boot:/swap "! '"'boot:/swap'"': write an address, or only /NAME for the server of the root"
nbdroot_words "nbdextra=/swap root=/dev/sda1 nbdextra=/data nbdwait=77"
[ "$nbdroot_asked $nbdroot_extras $nbdroot_wait" = "no  /swap /data 77" ] || { printf "words: %s\n" "$nbdroot_asked $nbdroot_extras $nbdroot_wait"; exit 1; }
'

status=0
for shell in "$(command -v dash)" "$(command -v busybox) sh" /usr/lib/klibc/bin/sh; do
    [ -x "${shell%% *}" ] || { echo "FAILED: no ${shell:-dash or busybox}; packaging/install-dependencies test"; exit 1; }
    printf '%s: ' "$shell"
    # shellcheck disable=SC2086
    table | env -i PATH=/nowhere $shell -uc ". $parser$reader" || status=1
done
exit $status
