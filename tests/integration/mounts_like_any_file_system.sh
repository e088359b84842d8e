# mount -t fuse.fatimg, a line of fstab, umount and fusermount3 -u, for root and for an ordinary user. If
# this fails, an image cannot stand where every other file system does.
source "$(dirname "$0")/functions.sh"
requires mount.fuse3 fusermount3 mcopy unshare setpriv
[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }
can_remount "mount(8) and fstab" || exit 77

make_image "$scratch/disk.img"
mkdir "$scratch/programs" "$scratch/notify" "$scratch/etc" "$scratch/mnt" "$scratch/mnt/user"
# Under the name it is installed with, where an ordinary user may go.
cp "$FUSE_FATIMG" "$scratch/programs/fuse-fatimg"
ln -s fuse-fatimg "$scratch/programs/fatimg"
cp "$scratch/disk.img" "$scratch/user.img"
chown -R 65534:65534 "$scratch/user.img" "$scratch/mnt/user"
chmod -R a+rX "$scratch"
chmod 755 "$scratch"

cat >"$scratch/as-root.sh" <<'END'
set -euo pipefail
fail() { echo "FAILED: $*" >&2; exit 1; }
m=$scratch/mnt
# Unmounted while it is being looked at by somebody else, an unmount is busy: again, then.
gone() {
    for _ in $(seq 100); do
        "$@" 2>"$scratch/error" && break
        sleep 0.1
    done
    mountpoint -q "$m" && fail "still mounted: $*: $(cat "$scratch/error")"
    true
}
notify=notify=$scratch/notify

mount -t fuse.fatimg "$scratch/disk.img" "$m" -o "$notify" || fail "mount -t fuse.fatimg"
cmp "$m/kernel8.img" "$scratch/kernel8.img"
grep -q "^$scratch/disk.img $m fuse.fatimg ro," /proc/mounts || fail "$(grep "$m" /proc/mounts)"
gone umount "$m"

mount -t fuse.fatimg "$scratch/disk.img" "$m" -o \
    "$notify,ro,noatime,uid=12,gid=34,fmask=0133,dmask=0022,codepage=850,iocharset=utf8,utf8,shortname=mixed,check=relaxed,errors=remount-ro,quiet,flush,sync,discard,time_offset=-60,tz=UTC,showexec,rodir,allow_other,default_permissions"
[ "$(stat -c '%u:%g %a' "$m/cmdline.txt")" = "12:34 644" ] || fail "$(stat "$m/cmdline.txt")"
gone fusermount3 -u "$m"

# The words of an error reach whoever called mount.
mount -t fuse.fatimg "$scratch/disk.img" "$m" -o "$notify,partition=9" 2>"$scratch/error" && fail "mounted"
grep -q "has no partition 9: choose one of 1, 2" "$scratch/error" || fail "$(cat "$scratch/error")"

# allow_other lets others in as far as the permission bits say, in whatever order, by fstab too.
other() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
others_may_not() { # HOW
    other cat "$m/cmdline.txt" 2>"$scratch/error" && fail "$1: others read what umask=077 keeps from them"
    grep -q "Permission denied" "$scratch/error" || fail "$1: $(cat "$scratch/error")"
    other ls "$m" 2>"$scratch/error" && fail "$1: others list what umask=077 keeps from them"
    cmp "$m/kernel8.img" "$scratch/kernel8.img" || fail "$1: root may not"
    gone umount "$m"
}
for options in allow_other,umask=077 umask=077,allow_other; do
    mount -t fuse.fatimg "$scratch/disk.img" "$m" -o "$notify,$options"
    others_may_not "$options"
done
mount -t fuse.fatimg "$scratch/disk.img" "$m" -o "$notify,allow_other,umask=022"
other cmp "$m/kernel8.img" "$scratch/kernel8.img" || fail "others may not read what umask=022 shows them"
gone umount "$m"
printf '%s\n' "$scratch/disk.img $m fuse.fatimg ro,$notify,umask=077,allow_other,noauto 0 0" >/etc/fstab
mount "$m"
others_may_not fstab

printf '%s\n' "$scratch/disk.img $m fuse.fatimg ro,$notify,umask=077,noauto,nofail,x-systemd.automount 0 0" \
    "$scratch/user.img $m/user fuse.fatimg ro,user,noauto,$notify 0 0" >/etc/fstab
mount "$m"
[ "$(stat -c %a "$m/cmdline.txt")" = 700 ] || fail "the options of fstab"
mountpoint -q "$m" || fail "fstab"
gone umount "$m"
END
cat >"$scratch/as-user.sh" <<'END'
set -euo pipefail
fail() { echo "FAILED: $*" >&2; exit 1; }
m=$scratch/mnt/user
gone() {
    for _ in $(seq 100); do
        "$@" 2>"$scratch/notify/error" && break
        sleep 0.1
    done
    mountpoint -q "$m" && fail "still mounted: $*: $(cat "$scratch/notify/error")"
    true
}
fuse-fatimg -o "notify=$scratch/notify" "$scratch/user.img" "$m"
cmp "$m/kernel8.img" "$scratch/kernel8.img"
gone fusermount3 -u "$m"
for option in allow_other allow_root; do
    fuse-fatimg -o "notify=$scratch/notify,$option" "$scratch/user.img" "$m" 2>"$scratch/notify/error" &&
        fail "$option without fuse.conf"
    grep -q "add the line user_allow_other to /etc/fuse.conf" "$scratch/notify/error" || fail "$option"
done
if [ -u "$(command -v mount)" ]; then
    mount "$m" # by the line of fstab that says user
    cmp "$m/kernel8.img" "$scratch/kernel8.img"
    gone umount "$m"
else
    echo "mount(8) is not setuid here: left out"
fi
END
chmod 1777 "$scratch/notify"
cat >"$scratch/in-namespace.sh" <<'END'
set -euo pipefail
rm -rf "$scratch/etc"
cp -a /etc "$scratch/etc"
rm -f "$scratch/etc/mtab"
ln -s /proc/self/mounts "$scratch/etc/mtab"
: >"$scratch/etc/fstab"
sed -i '/^user_allow_other/d' "$scratch/etc/fuse.conf" 2>/dev/null || true
mount --bind "$scratch/etc" /etc
# mount(8) gives its helpers no PATH: the shell's own has this directory in it.
mount --bind "$scratch/programs" /usr/local/bin
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mknod -m 666 "$scratch/fuse" c 10 229
mount --bind "$scratch/fuse" /dev/fuse
bash "$scratch/as-root.sh"
setpriv --reuid 65534 --regid 65534 --clear-groups bash "$scratch/as-user.sh"
# Root looks into a user's mount only with allow_root.
echo user_allow_other >>/etc/fuse.conf
m=$scratch/mnt/user
setpriv --reuid 65534 --regid 65534 --clear-groups \
    fuse-fatimg -o "notify=$scratch/notify,allow_root" "$scratch/user.img" "$m"
cmp "$m/kernel8.img" "$scratch/kernel8.img" || { echo "FAILED: allow_root" >&2; exit 1; }
umount "$m" || umount -l "$m"
END
export scratch
timeout 100 unshare -m bash "$scratch/in-namespace.sh"

unit=$(dirname "$(realpath "$0")")/../../examples/srv-boot.mount
if command -v systemd-analyze >/dev/null; then
    mkdir -p "$scratch/units"
    cp "$unit" "$scratch/units/"
    systemd-analyze verify --man=no "$scratch/units/srv-boot.mount" >"$scratch/out" 2>&1 ||
        fail "$(cat "$scratch/out")"
    grep "srv-boot.mount" "$scratch/out" && fail "the unit in examples/"
fi
echo "mounts like any file system"
