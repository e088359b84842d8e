#!/bin/bash
# The systemd units, as installed: without mistakes, naming programs that are there, and as sandboxed
# as docs/install.md says. A real systemd runs them in tests/e2e.
#
# BUILD is the build directory.
set -euo pipefail

command -v systemd-analyze >/dev/null || {
    echo "left out: systemd-analyze is missing (package systemd)"
    [[ ${CI-} != true ]] || exit 1
    exit 77
}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root cmake --install "$BUILD" >"$root/log" || { cat "$root/log"; exit 1; }
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:[A-Z]*=//p' "$BUILD/CMakeCache.txt")
units=$root$prefix/lib/systemd/system

# What the units name and other packages bring.
mkdir -p "$root/usr/bin" "$root/bin"
for program in /usr/bin/nbdkit /usr/bin/fusermount3 /bin/sh; do
    install -D -m 755 /bin/true "$root$program"
done
# verify asks for these at any rate.
for unit in sysinit.target basic.target sockets.target shutdown.target network.target multi-user.target \
    umount.target -.mount system.slice systemd-tmpfiles-setup.service; do
    case $unit in
    *.service) printf '[Unit]\nDescription=x\n[Service]\nType=oneshot\nExecStart=/bin/sh\n' ;;
    *) printf '[Unit]\nDescription=x\n' ;;
    esac >"$units/$unit"
done

failed=0
for unit in bootview.target bootview-nbd.socket bootview-nbd.service bootview-boot.service bootview-monitor.service tftp-bridge.socket \
    tftp-bridge.service fuse-fatimg@srv-boot.service; do
    # It ends with 0 whatever it says.
    said=$(systemd-analyze --root="$root" --man=no verify "$prefix/lib/systemd/system/$unit" 2>&1) || failed=1
    said=$(grep -e bootview -e tftp-bridge -e fuse-fatimg <<<"$said" || true)
    if [[ -n $said ]]; then
        echo "$unit: $said"
        failed=1
    fi
done

# Who reads the packets of strangers owns no image and writes nothing that another unit reads; docs/install.md types it.
bridge=$units/tftp-bridge.service.d/bootview.conf
grep -qx 'User=tftp-bridge' "$bridge" && grep -qx 'InaccessiblePaths=-/var/lib/bootview/images' "$bridge" &&
    ! grep -q '^ReadWritePaths\|^SupplementaryGroups' "$bridge" || {
    echo "tftp-bridge.service, as a part of bootview.target, can do something to images"
    failed=1
}
grep -qx 'd /run/bootview-config  *0755 root  *root' "$root$prefix/lib/tmpfiles.d/bootview.conf" || {
    echo "others than root may write into /run/bootview-config"
    failed=1
}
for unit in bootview-nbd bootview-boot; do
    grep -qx 'EnvironmentFile=-/run/bootview-config/environment' "$units/$unit.service" || {
        echo "$unit.service takes its environment from where others may write"
        failed=1
    }
done
grep -q '^MemoryMax=' "$units/tftp-bridge.service" || { echo "tftp-bridge.service has no MemoryMax"; failed=1; }

# It would take openat2(2) away, without which tftp-bridge does not start.
if grep -q '^RestrictSUIDSGID=yes' "$units/tftp-bridge.service"; then
    echo "tftp-bridge.service: RestrictSUIDSGID=yes forbids openat2(2), which it can't do without"
    failed=1
fi

# The largest exposure, in tenths; 100 is none of a sandbox at all.
exposure() {
    systemd-analyze security --offline=yes --threshold="$2" "$units/$1" >"$root/log" 2>&1 || {
        echo "$1: more exposed than $2 tenths:"
        grep -e ✗ -e Overall "$root/log" || cat "$root/log"
        failed=1
    }
}
exposure tftp-bridge.service 20
exposure bootview-nbd.service 11
exposure bootview-boot.service 54
exposure bootview-monitor.service 8
exposure fuse-fatimg@.service 64
exit $failed
