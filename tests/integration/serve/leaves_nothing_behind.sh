# However serve ends, nothing keeps running and nothing stays mounted.
. "$(dirname "$0")/serving.sh"

image=$scratch/disk.img
make_image one "$image"
parts() { pgrep -P "$serve_pid" || true; }
is_started() { [[ -n $(parts) ]]; }

for signal in TERM INT; do
    start_serve "$image"
    pids=$(parts)
    kill -"$signal" "$serve_pid"
    wait "$serve_pid" || die "status $? after SIG$signal"
    expect_nothing_left $pids
    [[ ! -e $view ]] || die "$view is left"
    echo "ok: SIG$signal"
done

# A client that is connected and silent: nbdkit alone would wait for it for ever.
start_serve "$image"
pids=$(parts)
address=${nbd#nbd://}
exec 9<>"/dev/tcp/${address%%:*}/$(tr -dc 0-9 <<<"${address##*:}")"
timeout 10 head -c 18 <&9 >/dev/null
begin=$SECONDS
stop_serve
exec 9>&-
((SECONDS - begin <= 12)) || die "stopping took $((SECONDS - begin)) s with an idle client"
expect_nothing_left $pids
[[ ! -e $view ]] || die "$view is left"
echo "ok: with an idle client, after $((SECONDS - begin)) s"

# During start-up, at some moments.
for delay in 0 0.01 0.02 0.05 0.1 0.2; do
    mkdir -p "$scratch/view"
    env ${preload[@]+"${preload[@]}"} "$BOOTVIEW" serve --listen 127.0.0.1 --nbd-port 0 --tftp-port 0 \
        --mount "$scratch/view" "$image" >"$scratch/serve.out" 2>"$scratch/serve.err" &
    serve_pid=$! view=$scratch/view
    wait_for 60 is_started || die "nothing was started"
    pids=$(parts)
    sleep "$delay"
    pids="$pids $(parts)"
    stop_serve
    expect_nothing_left $pids
done
echo "ok: SIGTERM during start-up"

# serve itself killed: the parts end by themselves, and the view unmounts.
start_serve "$image"
pids=$(parts)
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null || true
serve_pid=
expect_nothing_left $pids
rmdir "$view"
echo "ok: SIGKILL"

# A view that was killed, and no time to start it again.
start_serve "$image"
kill -KILL "$(part fuse-fatimg)"
stop_serve
expect_nothing_left
[[ ! -e $view ]] || die "$view is left"
echo "ok: SIGTERM while a part is down"
