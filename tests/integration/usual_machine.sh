# unshare -m bash usual_machine.sh SCRATCH COMMAND...
#
# Runs a command, as an ordinary user, on what a usual machine has and a bare root may lack: a
# /dev/fuse that is open to all, and an /etc/mtab, without which fusermount3 does not unmount. All of it
# in a mount namespace of the test's own: nothing is changed for anybody else.
set -eu
scratch=$1
shift
rm -f "$scratch/fuse"
mknod -m 666 "$scratch/fuse" c 10 229
mount --bind "$scratch/fuse" /dev/fuse
if [ ! -e /etc/mtab ]; then
    rm -rf "${scratch:?}/etc"
    cp -a /etc "$scratch/etc"
    ln -s /proc/self/mounts "$scratch/etc/mtab"
    mount --bind "$scratch/etc" /etc
fi
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
