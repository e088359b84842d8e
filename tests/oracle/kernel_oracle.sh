#!/bin/bash
# Users lose what is on their image, or are shown what is not: what fuse-fatimg shows of hundreds of sound and
# broken images is what the kernel's vfat driver shows, or `differences` says why not.
#
# The images and the kernel's answers are kept below $BOOTVIEW_CACHE, so that the next build's test asks only
# fuse-fatimg. Skipped where no guest can be had; in CI (CI=true) that is a failure.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${BOOTVIEW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bootview-tests}
PATH=$PATH:/usr/sbin:/sbin

unavailable() {
    echo "skipped: $*"
    [ "${CI:-}" != true ] || { echo "FAILED: but this is CI, where it must not be skipped"; exit 1; }
    exit 77
}
for program in qemu-system-x86_64 cpio mke2fs debugfs mkfs.fat mcopy sfdisk sgdisk fusermount3 flock; do
    command -v "$program" >/dev/null || unavailable "no $program; packaging/install-dependencies test"
done
[ -e /dev/fuse ] || unavailable "no /dev/fuse"
guest=$("$here/../guest/build-guest") || unavailable "there is no guest, see above"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/bootview-test-XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# One makes the images, a second test at the same time waits for them. Nobody else may hold the lock, so that it
# is free when this script has ended, and what it started ends with it.
exec 9>"$cache/oracle.lock"
timeout 600 flock 9 || { echo "FAILED: $cache/oracle.lock is held for too long"; exit 1; }
recipe=$({
    cat "$here"/{make-images,broken_images.py,fat_image.py,write-in-guest}
    echo "$guest"
    dpkg-query -W mtools dosfstools fdisk gdisk 2>/dev/null
} | sha256sum | cut -c1-16)
images=$cache/oracle-images-$recipe
if [ ! -d "$images" ]; then
    find "$cache" -mindepth 1 -maxdepth 1 \( -name 'oracle-images-*' -o -name 'kernel-listing-*' \) -mtime +7 -exec rm -rf {} +
    rm -rf "$images.new" "$images.new.scratch"
    setpriv --pdeathsig TERM "$here/make-images" "$images.new" 9>&-
    mv "$images.new" "$images"
fi
touch "$images"
setpriv --pdeathsig TERM "$here/list-by-kernel" "$KERNEL_LISTING" "$images" "$scratch/kernel" 9>&-
exec 9>&-

# In a mount namespace of its own, where that can be had: whatever another test starts in one takes a copy of each
# mount along, which keeps fuse-fatimg from ending as long as that runs.
own=()
! unshare --mount true 2>/dev/null || own=(unshare --mount)
"${own[@]}" "$here/compare" --complete --differences "$here/differences" --kernel "$scratch/kernel" \
    --fuse-fatimg "$FUSE_FATIMG" --list-tree "$LIST_TREE" "$images"
