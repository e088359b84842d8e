# Every mistake in what one writes about clients and DHCP is one line that says what to write
# instead, before anything is served.
source "$(dirname "$0")/../functions.sh"
mkdir "$scratch/root"

# refused STATUS PATTERN ARGUMENT...
refused() {
    local status=0
    timeout 60 "$TFTP_BRIDGE" --root "$scratch/root" --listen 127.0.0.1:0 "${@:3}" 2>"$scratch/log" || status=$?
    [ "$status" = "$1" ] || fail "status $status, not $1: $* $(cat "$scratch/log")"
    [ "$(wc -l <"$scratch/log")" = 1 ] || fail "more than a line: $(cat "$scratch/log")"
    grep -qE "^tftp-bridge: error: .*$2" "$scratch/log" || fail "$(cat "$scratch/log")"
}
config() { printf '%s\n' "$@" >"$scratch/c.toml"; }

refused 2 'requires --dhcp-proxy' --interface lo
refused 2 'did you mean x64\?' --dhcp-proxy --boot-file x46=a
refused 2 'the classes are' --dhcp-proxy --reply-delay pie=1
refused 2 'nowhere.toml' --config "$scratch/nowhere.toml"
config 'listen = [' && refused 2 'c.toml:' --config "$scratch/c.toml"
config '' 'lissten = ":69"' && refused 2 'c.toml:2: there is no option lissten; did you mean listen\?' --config "$scratch/c.toml"
config '[[client]]' 'mac = "x"' && refused 2 'c.toml:2: mac "x" is no MAC' --config "$scratch/c.toml"
config '[[client]]' 'root = "x"' && refused 2 'c.toml:1: .*which machine' --config "$scratch/c.toml"
config 'max-blksize = 7' && refused 2 'max-blksize' --config "$scratch/c.toml"
config 'config = "other.toml"' && refused 2 'c.toml:1: there is no option config' --config "$scratch/c.toml"

# All of them at once, each with its place; of a file that was put together, the place where it was written.
checked() { "$TFTP_BRIDGE" --root "$scratch/root" --check --config "$scratch/c.toml" 2>"$scratch/log"; }
config 'reply-delay = "pie=1"' 'lissten = ":69"' '[[client]]' 'mac = "x"' '#: /etc/b.toml:9' '[[client]]' 'ipp = "y"'
! checked || fail "that was fine"
for said in 'c.toml:2: there is no' 'c.toml:4: mac "x" is' 'error: /etc/b.toml:10: \[\[client\]\] has no key ipp'; do
    grep -q "$said" "$scratch/log" || fail "no $said: $(cat "$scratch/log")"
done
config 'reply-delay = "pie=1"' && ! checked && grep -q 'c.toml:1: --reply-delay' "$scratch/log" || fail "$(cat "$scratch/log")"
config '#: /etc/a.toml:3' '[[client]]' 'mac = "52:54:00:12:34:55"' '#: /etc/b.toml:9' '[[client]]' 'mac = "52:54:00:12:34:55"'
! checked && grep -q '/etc/b.toml:9: this .* has the mac of the one in /etc/a.toml:3;' "$scratch/log" || fail "$(cat "$scratch/log")"
config 'dhcp-proxy = true' && checked || fail "not fine: $(cat "$scratch/log")"

# A file may hold everything, and what the command line says counts more.
config "root = '$scratch/nowhere'" 'listen = "127.0.0.1:0"'
status=0
timeout 60 "$TFTP_BRIDGE" --config "$scratch/c.toml" 2>"$scratch/log" || status=$?
[ "$status" = 1 ] && grep -q "$scratch/nowhere: there is no such directory" "$scratch/log" || fail "$(cat "$scratch/log")"
"$TFTP_BRIDGE" --config "$scratch/c.toml" --root "$scratch/root" 2>"$scratch/log" &
bridge=$!
cleanup "kill $bridge && wait $bridge"
wait_until grep -q "serving $scratch/root" "$scratch/log"
kill "$bridge"
wait "$bridge"
