# Every way of writing nbdroot= means what bootview-initramfs(7) says, in each shell an initramfs may have, which
# needs no program for it. If this fails, a machine does not find its root, or takes another one's.
#
# The table is nbdroot_forms.table. The doctor's reading of a command line is held to the same one, in
# tests/unit/bootview/doctor/command_line_test.cpp.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
parser=$here/../../../initramfs-hooks/nbdroot.sh

table() { cat "$here/nbdroot_forms.table"; }

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
        THEN=*) ROOTPATH="$ROOTPATH ${pair#*=}" ;;
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
[ $lines -gt 110 ] && [ $failures = 0 ] || exit 1

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
