# The whole chain works for an ordinary user, and in a user namespace, with no privilege anywhere.
# If this fails, bootview does not run in a container.
source "$(dirname "$0")/functions.sh"
requires nbdkit mcopy curl unshare setpriv
[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse"; exit 77; }

make_image "$scratch/disk.img"
cat >"$scratch/chain.sh" <<'EOS'
set -euo pipefail
source "$FUNCTIONS" # has a scratch directory of its own
mkdir "$scratch/mnt" "$scratch/notify"
cp "$IMAGE" "$scratch/disk.img"
nbdkit_with_plugin -f -U "$scratch/nbd.sock" "$PLUGIN" "$scratch/disk.img" notify="$scratch/notify" &
cleanup "kill $!"
wait_until sh -c "ls $scratch/notify/*.sock"
"$FUSE_FATIMG" -f -o notify="$scratch/notify" "$scratch/disk.img" "$scratch/mnt" &
view=$!
cleanup "kill $view; wait $view"
wait_until test -e "$scratch/mnt/cmdline.txt"
[ "$(/usr/bin/python3 -c 'import os,sys; print(os.getxattr(sys.argv[1], "user.bootview.mode").decode())' \
    "$scratch/mnt")" = attached ] || fail "not attached"
"$TFTP_BRIDGE" --root "$scratch/mnt" --listen 127.0.0.1:0 2>"$scratch/tftp.log" &
cleanup "kill $!"
wait_until grep -qE '127\.0\.0\.1:[1-9]' "$scratch/tftp.log"
port=$(grep -oE '127\.0\.0\.1:[0-9]+' "$scratch/tftp.log" | head -1 | cut -d: -f2)
curl -s --max-time 20 "tftp://127.0.0.1:$port/kernel8.img" | cmp - "$KERNEL" || fail "TFTP"
cmp "$scratch/mnt/kernel8.img" "$KERNEL"
EOS
FUNCTIONS="$(dirname "$(realpath "$0")")/functions.sh"
export FUNCTIONS
export IMAGE=$scratch/disk.img KERNEL=$scratch/kernel8.img

echo "--- as $(id -un)"
timeout 60 bash "$scratch/chain.sh"

if can_remount "an ordinary user"; then
    echo "--- as an ordinary user"
    chmod 755 "$scratch"
    chmod 644 "$scratch"/*
    # The build tree may lie where that user may not go, so they get copies.
    mkdir "$scratch/programs" "$scratch/support"
    cp "$(dirname "$FUNCTIONS")/../support/wait_until.sh" "$scratch/support/"
    for name in PLUGIN FUSE_FATIMG TFTP_BRIDGE FUNCTIONS; do
        cp "${!name}" "$(dirname "$FUNCTIONS")/usual_machine.sh" "$scratch/programs/"
        export "$name=$scratch/programs/$(basename "${!name}")"
    done
    chmod -R a+rX "$scratch/programs" "$scratch/support"
    timeout 60 unshare -m bash "$(dirname "$FUNCTIONS")/usual_machine.sh" "$scratch" \
        env -u XDG_RUNTIME_DIR HOME=/nonexistent bash "$scratch/chain.sh"
fi

if unshare -Urm true 2>/dev/null; then
    echo "--- in a user namespace"
    timeout 60 unshare -Urm bash "$scratch/chain.sh"
else
    echo "user namespaces are switched off here: left out"
fi
echo "no root anywhere"
