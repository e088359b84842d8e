# `nbdkit file X` replaced by `nbdkit bootview X` is the whole migration. If this fails, an existing
# setup changes when it takes our plugin: other capabilities, other data, other holes.
source "$(dirname "$0")/functions.sh"
requires nbdkit nbdinfo nbdcopy
# A sanitizer's library preloaded into nbdkit makes nbdkit hang in exit(3), with the stock plugins as
# well (a destructor of p11-kit waits for itself). The plugin's code runs under the sanitizers in the
# tests that end nbdkit by a signal.
[ -z "$SANITIZE" ] || { echo "skipped: nbdkit hangs at its end under sanitizers"; exit 77; }

image=$scratch/disk.img
truncate -s 200M "$image"
for at in 0 7 64 150; do # data, holes between
    dd if=/dev/urandom of="$image" bs=1M seek=$at count=3 conv=notrunc status=none
done

# --- what nbdinfo says: the same, but for a fast zero and the socket's name. (Without file(1), nbdinfo
# shows whatever lies in its memory as "content".)
for plugin in file "$PLUGIN"; do
    name=$(basename "$plugin" .so)
    nbdkit -U - "$plugin" "$image" \
        --run 'nbdinfo --no-content --json "$uri"' >"$scratch/info-$name"
    nbdkit -U - "$plugin" "$image" \
        --run 'nbdinfo --map "$uri"' >"$scratch/map-$name"
    nbdkit -U - "$plugin" "$image" \
        --run "nbdcopy \"\$uri\" $scratch/copy-$name"
done
filter() { sed -e '/"uri":/d' -e '/"can_fast_zero":/d' "$1"; }
diff <(filter "$scratch/info-file") <(filter "$scratch/info-nbdkit-bootview-plugin") ||
    fail "nbdinfo differs"
grep -q '"can_fast_zero": true' "$scratch/info-nbdkit-bootview-plugin" || fail "no fast zero"
diff "$scratch/map-file" "$scratch/map-nbdkit-bootview-plugin" || fail "extents differ"
cmp "$scratch/copy-nbdkit-bootview-plugin" "$image" || fail "the data differs"
cmp "$scratch/copy-file" "$image"

# --- every parameter of the file plugin is taken
for parameters in "cache=none" "cache=default fadvise=random" "fadvise=sequential cache=none"; do
    nbdkit -U - "$PLUGIN" file="$image" $parameters \
        --run "nbdcopy \"\$uri\" $scratch/copy" || fail "$parameters"
    cmp "$scratch/copy" "$image"
done
nbdkit -U - -r "$PLUGIN" "$image" \
    --run 'nbdinfo --can write "$uri"' && fail "-r does not mean read-only"

# --- a directory: exports by file name as there, by stem, and the default
mkdir "$scratch/images"
cp --sparse=always "$image" "$scratch/images/jammy.img"
truncate -s 1M "$scratch/images/noble.img" "$scratch/images/noble.raw"
for plugin in file "$PLUGIN"; do
    nbdkit -U - "$plugin" dir="$scratch/images" \
        --run 'nbdinfo --list --json "$uri"' |
        grep -E '"export-(name|size)"' | sort >"$scratch/list-$(basename "$plugin" .so)"
done
diff "$scratch/list-file" "$scratch/list-nbdkit-bootview-plugin" || fail "the lists differ"
size_of() { # EXPORT [PARAMETER]
    nbdkit -U - "$PLUGIN" dir="$scratch/images" ${2:-} \
        --run "nbdinfo --size \"nbd+unix:///$1?socket=\$unixsocket\""
}
[ "$(size_of jammy.img)" = 209715200 ] || fail "export by file name"
[ "$(size_of jammy)" = 209715200 ] || fail "export by stem"
[ "$(size_of "" default=jammy)" = 209715200 ] || fail "default="
[ "$(size_of noble)" = 1048576 ] || fail "export by the stem of two images"
for name in nothere ../disk.img ""; do # missing, outside, none
    size_of "$name" 2>/dev/null && fail "export '$name' should have been refused"
done

# --- zeroing a long range leaves no old byte, on file systems without fallocate too
cat >"$scratch/zero.py" <<'PYTHON'
import nbd, sys
h = nbd.NBD()
h.connect_uri(sys.argv[1])
h.pwrite(b"X" * 512, 100 << 20)
h.zero(160 << 20, 0)
for i in range(160):
    assert bytes(h.pread(1 << 20, i << 20)) == bytes(1 << 20), "MiB %d has old bytes" % i
try:
    h.zero(1 << 20, 0, nbd.CMD_FLAG_FAST_ZERO)
    print("fast zero")
except nbd.Error as error:
    print("no fast zero:", error)
PYTHON
/usr/bin/python3 -c 'import nbd' 2>/dev/null || { echo "no python3-libnbd: zeroing not tested"; exit 0; }
cp "$scratch/copy-file" "$image"
nbdkit -U - "$PLUGIN" "$image" \
    --run "/usr/bin/python3 $scratch/zero.py \"\$uri\"" | tee "$scratch/out"
grep -qx "fast zero" "$scratch/out" || fail "a file on this file system can be zeroed fast"
cp "$scratch/copy-file" "$image"
LD_PRELOAD=$NO_FALLOCATE nbdkit -U - "$PLUGIN" "$image" \
    --run "env -u LD_PRELOAD /usr/bin/python3 $scratch/zero.py \"\$uri\"" | tee "$scratch/out"
grep -q "^no fast zero" "$scratch/out" || fail "a slow zero was sold as a fast one"
echo "the same as the file plugin"
