# bootview serve --dhcp-proxy boots Raspberry Pis and the machines it was told of; a PC that nobody has
# named boots from its disk, unless --adopt. If this fails, a whole office boots from somebody's image.
source "$(dirname "$0")/network.sh"
requires nbdkit mcopy
make_network
make_image "$scratch/disk.img"
touch "$scratch/pxelinux.0" "$scratch/bootx64.efi"
mcopy -i "$scratch/disk.img@@1M" "$scratch/pxelinux.0" "$scratch/bootx64.efi" ::
printf '%s\n' '[[client]]' 'mac = "52:54:00:12:34:57"' >"$scratch/clients.toml"

serve() {
    : >"$scratch/log"
    : >"$scratch/out"
    ip netns exec "$net-boot" "$BOOTVIEW" serve --dhcp-proxy "$@" "$scratch/disk.img" >"$scratch/out" 2>"$scratch/log" &
    server=$!
    cleanup "kill $server && wait $server"
    ready() { grep -q ^ready "$scratch/out" || ! kill -0 "$server"; }
    wait_until ready
    grep -q ^ready "$scratch/out" || fail "serve did not start: $(cat "$scratch/log")"
}

serve --config "$scratch/clients.toml"
rom silent bios pi4 >/dev/null || fail "a stranger was answered"
rom ask x64 1 >/dev/null || fail "the client that it knows was not: $(cat "$scratch/log")"
wait_until grep -q '52:54:00:12:34:55 on eth0 gets no answer: .*mac = "52:54:00:12:34:55", or say --adopt' "$scratch/log"
kill "$server"
wait "$server"

serve --adopt
rom ask bios 1 >/dev/null || fail "not answered in spite of --adopt: $(cat "$scratch/log")"
