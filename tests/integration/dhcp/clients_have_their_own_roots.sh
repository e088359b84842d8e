# What a client sees depends on who it is: by its [[client]], by what DHCP told, by the neighbour
# table; and SIGHUP takes a new configuration, if it is a good one. If this fails, a machine boots
# another's files.
source "$(dirname "$0")/network.sh"
requires curl cmp
make_network
for name in jammy noble 9ffefdef; do
    mkdir -p "$scratch/root/$name"
    echo "$name" >"$scratch/root/$name/config.txt"
done
echo shared >"$scratch/root/config.txt"
mac=$(ip netns exec "$net-rom" cat /sys/class/net/eth0/address)
ip -n "$net-rom" addr add 10.77.0.50/24 dev eth0

cat >"$scratch/config.toml" <<EOS
log-level = "debug"
dhcp-proxy = true

[[client]]
name = "kitchen"
mac = "$mac"
root = "jammy"
EOS
start_bridge --config "$scratch/config.toml"
fetch() { in_ns rom curl -s --max-time 30 "tftp://10.77.0.2/$1"; }

# By its MAC, which the neighbour table tells; with whatever prefix a Pi may use.
for name in config.txt 9ffefdef/config.txt "${mac//:/-}/config.txt"; do
    [ "$(fetch "$name")" = jammy ] || fail "$name: $(fetch "$name")"
done
# And nothing else.
for name in ../config.txt ../noble/config.txt noble/config.txt; do
    ! in_ns rom curl -s --path-as-is --max-time 30 "tftp://10.77.0.2/$name" || fail "$name was served"
done

# A bad configuration changes nothing, and says where it is bad.
sed 's/^root =/rot =/' "$scratch/config.toml" >"$scratch/bad.toml"
cp "$scratch/config.toml" "$scratch/good.toml"
cp "$scratch/bad.toml" "$scratch/config.toml"
kill -HUP "$bridge"
wait_until grep -q 'config.toml:7: \[\[client\]\] has no key rot; did you mean root?; the old settings stay' "$scratch/log"
[ "$(fetch config.txt)" = jammy ] || fail "the old settings are gone"

sed 's/jammy/noble/; s/"debug"/"info"/' "$scratch/good.toml" >"$scratch/config.toml"
kill -HUP "$bridge"
wait_until grep -q 'config.toml: 1 clients' "$scratch/log"
grep -q 'config.toml: only what it says about clients is read again; restart tftp-bridge' "$scratch/log" ||
    fail "nothing said of log-level, which has to wait"
[ "$(fetch config.txt)" = noble ] || fail "the new settings are not used: $(fetch config.txt)"

# Without a [[client]], the layout decides: a Pi 3+ has told its serial number by DHCP.
: >"$scratch/config.toml"
kill -HUP "$bridge"
wait_until grep -q 'config.toml: 0 clients' "$scratch/log"
[ "$(fetch config.txt)" = shared ] || fail "$(fetch config.txt)"
stop_bridge

ip -n "$net-rom" link set eth0 down
ip -n "$net-rom" link set eth0 address dc:a6:32:01:36:13
ip -n "$net-rom" link set eth0 up
ip -n "$net-boot" neigh flush dev eth0
echo update >"$scratch/root/9ffefdef/pieeprom.upd"
start_bridge --dhcp-proxy
rom ask pi3+ 1 >/dev/null || fail "the Pi was not answered"
[ "$(fetch config.txt)" = 9ffefdef ] || fail "the Pi got: $(fetch config.txt)"
# Nobody is surprised by a new EEPROM.
wait_until grep -q 'dc:a6:32:01:36:13: this Raspberry Pi will write .*/9ffefdef/pieeprom.upd into' "$scratch/log"
fetch pieeprom.upd >"$scratch/update"
grep -q 'warning: .*"pieeprom.upd": a Raspberry Pi writes this into its EEPROM' "$scratch/log" || fail "$(cat "$scratch/log")"
stop_bridge

# The neighbour table does not tell (such an entry does not count); then it is known by its broadcast
# with which it takes the DHCP server's offer of an address.
ip -n "$net-boot" neigh replace 10.77.0.50 lladdr dc:a6:32:01:36:13 dev eth0 nud noarp
start_bridge --dhcp-proxy
rom ask pi3+ 1 >/dev/null || fail "the Pi was not answered"
[ "$(fetch config.txt)" = shared ] || fail "known too early: $(fetch config.txt)"
rom request pi3+ 10.77.0.50
has_its_own() { [ "$(fetch config.txt)" = 9ffefdef ]; }
wait_until has_its_own
stop_bridge

# What is wrong at the start ends it.
echo 'max-blocksize = 5' >"$scratch/config.toml"
! "$TFTP_BRIDGE" --root "$scratch/root" --config "$scratch/config.toml" 2>"$scratch/log" || fail "it started"
grep -q 'config.toml:1: there is no option max-blocksize; did you mean max-blksize?' "$scratch/log" ||
    fail "$(cat "$scratch/log")"
