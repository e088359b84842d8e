# nbdkit that has gone into the background is still heard of, and fuse-fatimg ends when it is told to. If this fails, a
# plain `nbdkit bootview IMAGE` publishes nothing, and a machine waits 90 seconds for a view before it switches itself off.
source "$(dirname "$0")/functions.sh"
requires nbdkit
image=$scratch/disk.img
make_image "$image"

# --- nbdkit: its first process ends, its second has the socket

if [ -z "$SANITIZE" ]; then
    nbdkit --pidfile "$scratch/nbdkit.pid" -U "$scratch/nbd.sock" "$PLUGIN" "$image" notify="$scratch/ring.sock"
    cleanup 'kill -KILL $(cat "$scratch/nbdkit.pid")'
    [ -S "$scratch/ring.sock" ] || fail "the socket of its change ring has gone with nbdkit's first process"
else
    echo "left out: nbdkit in the background, under sanitizers"
fi

# --- fuse-fatimg in the background: whoever reads what it said to the end does not wait for its end

mkdir "$scratch/there"
cleanup 'fusermount3 -u -q -z "$scratch/there"'
[ -n "$SANITIZE" ] || timeout 20 sh -c '"$1" "$2" "$3" 2>&1 | cat' - "$FUSE_FATIMG" "$image" "$scratch/there" || fail "its standard error stays open"

# --- fuse-fatimg: only the thread that waits for the end may get the signal

mkdir "$scratch/boot"
"$FUSE_FATIMG" -f "$image" "$scratch/boot" 2>"$scratch/view.log" &
view=$!
cleanup 'fusermount3 -u -q -z "$scratch/boot"; kill -KILL $view'
wait_until test -e "$scratch/boot/cmdline.txt"
sigterm=$((1 << 14))
for task in "/proc/$view/task"/*; do
    [ "${task##*/}" != "$view" ] || continue
    blocked=$(sed -n 's/^SigBlk:\t//p' "$task/status" 2>/dev/null) || continue # it has ended
    [ -z "$blocked" ] || [ $((0x$blocked & sigterm)) != 0 ] || fail "a thread may take SIGTERM away from the one that waits for it: $(cat "$task/comm")"
done
kill "$view"
wait "$view" || fail "it ended with $? after SIGTERM"
