#!/bin/bash
# What a document tells its readers to type is typed, in its order. If this fails, somebody who does as they are told gets
# something else than they are told.
#     type_the_commands.sh FILE.md
#
# It is typed by root in /root, on a machine that is there for this document alone: this one's file systems with all that
# is written kept in memory, bootview installed, a systemd that has booted, the address 192.168.0.2, and two neighbours: a
# router with a DHCP server, and a client (vocabulary.sh). It sees no other network, and nothing of it stays.
#
# The document is the only place where commands stand. Its blocks are of these kinds, others are mistakes:
#     ```sh             typed by one shell after the other blocks; the first command that fails ends it
#     ```sh foreground  the last line stays in the foreground; the rest is typed in another terminal
#     ```sh alternatives  each line is typed for itself; what stays in the foreground is ended before the next
#     ```console        a line `$ COMMAND` is typed, and prints what stands below it; `...` stands for any text
#     ```console error  the same, and fails
#     ```toml, ```ini, ```conf, ```grub, ```ipxe, ```dockerfile
#                       a file, whose path is in a comment in its first or second line; ~/ is /root/
#     ```text           not typed
# And what readers do not see, between the lines `<!-- test` and `-->`: what is there before, as an image, and what has to be
# true afterwards, in bash and the words of vocabulary.sh. With `<!-- test typed by a user -->` it is no root who types.
#
# BUILD is the build directory; default: build/release. VERBOSE=1 shows all that was typed. DEBS=DIRECTORY: where a document
# puts packages into a container, those of packaging/build-debs that lie there; without it, some that packages-of-this-build
# makes.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(readlink -f "$here/../..")
: "${BUILD:=$top/build/release}"
BUILD=$(readlink -f "$BUILD")
DEBS=${DEBS:+$(readlink -m "$DEBS")}
PATH=$PATH:/usr/sbin:/sbin

skip() { echo "skipped: $*"; exit 77; }
sanitized() { grep -q '^BOOTVIEW_SANITIZE:[A-Z]*=.' "$BUILD/CMakeCache.txt"; }

# --- in the machine's name spaces ------------------------------------------------------------------------------------

# devices DIRECTORY: what /dev has in a container.
devices() {
    local node
    mount -t tmpfs -o mode=755 dev "$1"
    for node in null:3 zero:5 full:7 random:8 urandom:9 console:3; do
        mknod -m 666 "$1/${node%:*}" c 1 "${node#*:}"
    done
    mknod -m 666 "$1/tty" c 5 0
    mknod -m 666 "$1/fuse" c 10 229
    mkdir "$1/pts" "$1/shm"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/pts"
    mount -t tmpfs shm "$1/shm"
    ln -s pts/ptmx "$1/ptmx"
    ln -s /proc/self/fd "$1/fd"
    ln -s /proc/self/fd/0 "$1/stdin"
    ln -s /proc/self/fd/1 "$1/stdout"
    ln -s /proc/self/fd/2 "$1/stderr"
}

# install_bootview ROOT: as the packages do, at other places.
install_bootview() {
    local file kind directory examples
    DESTDIR=$1 cmake --install "$BUILD" >/dev/null
    # Configuration lies where the documents say.
    cp -a "$1$prefix/etc/." "$1/etc/"
    rm -rf "${1:?}$prefix/etc"
    ln -s /etc "$1$prefix/etc"
    for kind in plugin filter; do
        directory=$(nbdkit --dump-config | sed -n "s/^${kind}dir=//p")
        while IFS= read -r file; do
            ln -sf "${file#"$1"}" "$1$directory/"
        done < <(find "$1$prefix/lib" -name "nbdkit-*-$kind.so")
    done
    for file in "$top"/packaging/debian/*.examples; do
        examples=$1/usr/share/doc/$(basename "$file" .examples)/examples
        mkdir -p "$examples"
        (cd "$top" && xargs cp -r -t "$examples" <"$file")
    done
    chroot "$1" systemd-sysusers
    chroot "$1" systemd-tmpfiles --create bootview.conf tftp-bridge.conf
}

# the_machine SCRATCH: does not return.
the_machine() {
    local root=$1/root at
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 machine "$1"
    mkdir "$1"/{written,work,root}
    mount -t overlay -o "lowerdir=/,upperdir=$1/written,workdir=$1/work" machine "$root"
    mount -t proc proc "$root/proc"
    # Read-only: so systemd leaves the devices of this machine alone.
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs cgroups "$root/sys/fs/cgroup"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    devices "$root/dev"
    for at in run tmp root home srv var/tmp; do mount -t tmpfs -o mode=755 "$at" "$root/$at"; done
    chmod 1777 "$root/tmp" "$root/var/tmp"
    # Where they lie on other file systems than /, or below what has just been hidden.
    for at in "$top" "$BUILD"; do
        mkdir -p "$root$at"
        mount --bind -o ro "$at" "$root$at"
    done
    mkdir "$root/run/typed"
    mount --bind "$result" "$root/run/typed"
    mkdir "$root/run/debs"
    if [[ -n $DEBS ]]; then
        mount --bind -o ro "$DEBS" "$root/run/debs"
    elif grep -qx podman_works "$document" && command -v podman >/dev/null && ! sanitized; then
        "$here/packages-of-this-build" "$BUILD" "$root/run/debs"
    fi

    : >"$root/etc/fstab"
    echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
    rm -rf "$root/var/log/journal"
    # Of this machine's units nothing is started but the journal.
    rm -rf "$root"/{lib,etc}/systemd/system/*.wants
    mkdir -p "$root"/run/systemd/system/sysinit.target.wants
    ln -s /lib/systemd/system/systemd-journald.service "$root/run/systemd/system/sysinit.target.wants/"
    for at in systemd-udevd.service systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service; do
        ln -sf /dev/null "$root/run/systemd/system/$at"
    done
    # There is no bus, and no logind to ask, nor to tell.
    mkdir -p "$root/run/systemd/user"
    for at in dbus.socket dbus.service; do ln -s /dev/null "$root/run/systemd/user/$at"; done
    mkdir "$root/run/systemd/system/user@.service.d"
    printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >"$root/run/systemd/system/user@.service.d/runtime.conf"
    printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >"$root/run/systemd/system/user-runtime-dir@.service"
    # Set-user-ID, for users; what it starts is root altogether.
    install -m 4755 /usr/bin/env "$root/usr/local/lib/env-as-root"
    cat >"$root/usr/local/bin/sudo" <<'SUDO'
#!/bin/sh
[ "$(id -u)" = 0 ] || exec /usr/local/lib/env-as-root setpriv --reuid=0 --regid=0 --clear-groups "$0" "$@"
[ "$1" != -u ] || { user=$2; shift 2; exec runuser -u "$user" -- "$@"; }
exec "$@"
SUDO
    chmod 755 "$root/usr/local/bin/sudo"
    install_bootview "$root"
    cat >"$root/run/systemd/system/typed.service" <<UNIT
[Unit]
Description=What a document tells to type
Requires=basic.target
After=basic.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
WorkingDirectory=/root
Environment=HOME=/root USER=root LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=BUILD=$BUILD TOP=$top DOCUMENT=$document
ExecStart=/bin/bash $here/vocabulary.sh /run/typed/script
StandardOutput=file:/run/typed/log
StandardError=inherit
UNIT
    cd "$root"
    mkdir -p .old
    pivot_root . .old
    umount -l .old
    # As systemd leaves it where it is no container's.
    mount --make-rshared /
    exec env -i container=bootview-docs PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=typed.service --log-target=null --show-status=no </dev/null
}

if [[ $1 == --machine ]]; then
    # Installed where it was configured to be.
    prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:[A-Z]*=//p' "$BUILD/CMakeCache.txt")
    result=$3 document=$4
    the_machine "$2"
fi

# --- here --------------------------------------------------------------------------------------------------------

document=$(readlink -f "$1")
name=${document#"$top/"}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/bootview-docs-XXXXXX")
cgroup=
clean_up() {
    # What has been killed may take a moment to be gone.
    for ((i = 0; i < 100; i++)); do
        { [[ -z $cgroup || ! -d $cgroup ]] || find "$cgroup" -depth -type d -exec rmdir {} +; } 2>/dev/null && break
        sleep 0.1
    done
    rm -rf --one-file-system "$scratch"
}
trap clean_up EXIT
# Not after the machine has ended by itself; and with its first process all of it ends.
machine=
trap '[[ -z $machine ]] || { kill -KILL "$machine"; said | tail -n 60; echo "FAILED: $name was interrupted"; }; exit 143' INT TERM
# Not how the words of vocabulary.sh do it.
said() { grep -vE '^\++ ((vocabulary|wait_until)\.sh|environment):[0-9]+: ' "$scratch/result/log" | sed 's/^/    /'; }

mkdir "$scratch/result" "$scratch/machine"
awk -f "$here/blocks_to_script.awk" "$document" >"$scratch/result/script"
grep -q '[^[:space:]]' "$scratch/result/script" || { echo "$name: there is nothing to type"; exit; }

[[ $(id -u) == 0 ]] || skip "only root can make a machine of name spaces"
[[ -x /lib/systemd/systemd ]] || skip "no systemd"
[[ -e /dev/fuse ]] || skip "no /dev/fuse"
[[ -z $DEBS || -n $(compgen -G "$DEBS/bootview_*.deb") ]] || skip "there are no packages in $DEBS; packaging/build-debs $DEBS"
cgroups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[[ -n $cgroups ]] || skip "no cgroup2"
cgroup=$cgroups/bootview-docs-$$
mkdir "$cgroup" 2>/dev/null || { cgroup=; skip "no cgroups can be made in $cgroups"; }
# This shell stays outside of it, and can take it away.
status=0
bash -c 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"' - "$cgroup" \
    unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child \
    bash "${BASH_SOURCE[0]}" --machine "$scratch/machine" "$scratch/result" "$document" >"$scratch/boot.log" 2>&1 &
machine=$!
wait "$machine" || status=$?
machine=

[[ -e $scratch/result/status ]] || {
    # It has not come so far as to type.
    sed 's/^/    /' "$scratch/boot.log" "$scratch/result/log" 2>/dev/null || true
    ! grep -qE 'mount: .*(permission denied|unknown filesystem)|unshare failed' "$scratch/boot.log" || skip "no such mounts here"
    echo "FAILED: $name: the machine for it did not start ($status)"
    exit 1
}
status=$(cat "$scratch/result/status")
[[ -z ${VERBOSE-} ]] || said
[[ $status == 0 ]] || {
    [[ ${VERBOSE-} ]] || said | tail -n 60
    echo "FAILED: $(cat "$scratch/result/failure" 2>/dev/null || echo "$name")"
    exit 1 # whatever the command's own is: 77 would be a test left out
}
[[ ! -e $scratch/result/left-out ]] || { echo "$name: $(cat "$scratch/result/left-out")"; exit; }
echo "$name: $(cat "$scratch/result/count") lines typed, and it is as it says"
