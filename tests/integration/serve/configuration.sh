# bootview.toml: what is wrong with it is told by file and line before anything is served; serve does what it
# says, and reads it again on SIGHUP without ending a transfer; a bad one changes nothing; and what the
# files of other servers come to is right.
. "$(dirname "$0")/serving.sh"
top=$(dirname "$(realpath "$0")")/../../..

# refused TEXT...: check fails and says each.
refused() {
    local status=0 text
    timeout 60 "$BOOTVIEW" config check "$config" >"$scratch/out" 2>"$scratch/check.err" || status=$?
    [[ $status == 1 && ! -s $scratch/out ]] || die "status $status: $(cat "$scratch/out")"
    for text in "$@"; do grep -qF -- "$text" "$scratch/check.err" || die "check does not say: $text"; done
}
write() { printf '%s\n' "$@"; }
mkdir -p "$scratch/etc/conf.d" "$scratch/images"
config=$scratch/etc/bootview.toml
for name in one two; do make_image $name "$scratch/images/$name.img"; done

# --- bootview config check

write 'reply-delay = ["pie=1"]' >"$config"
refused "$config:1: --reply-delay"
write 'imags = "/x"' '' 'nbd-port = "1"' '[[client]]' 'mac = "x"' '[[client]]' 'serial = "89025d75"' >"$config"
write '' '[[client]]' 'serial = "89025d75"' 'rot = "one"' >"$scratch/etc/conf.d/a.toml"
refused "$config:1: there is no key imags; did you mean images?" \
    "$config:3: nbd-port is a whole number" "$config:5: mac \"x\" is no MAC" \
    "$scratch/etc/conf.d/a.toml:4: [[client]] has no key rot; did you mean root?"
write "images = \"$scratch/images\"" '[[client]]' 'serial = "89025d75"' >"$config"
write '' '[[client]]' 'serial = "89025d75"' >"$scratch/etc/conf.d/a.toml"
refused "$scratch/etc/conf.d/a.toml:2: this [[client]] has the serial of the one in $config:2; put"
write '[[client]]' 'mac = "52:54:00:12:34:56"' 'root = "onne"' '[[client]]' 'prefix = "a"' 'root = "/nowhere"' >"$scratch/etc/conf.d/a.toml"
refused "a.toml:3: root onne: no image in $scratch/images is called so; did you mean one?" \
    'a.toml:6: root /nowhere: there is no such directory'
write "images = \"$scratch/none\"" >"$config"
rm "$scratch/etc/conf.d/a.toml"
refused "$config:1: $scratch/none: no such image"
config=$scratch/nowhere.toml refused "$scratch/nowhere.toml: No such file"
write "images = \"$scratch/images\"" '[[client]]' 'name = "here"' 'ip = "127.0.0.1"' 'root = "one"' >"$config"
"$BOOTVIEW" config check "$config" >"$scratch/out" || die "a good one is refused"
[[ $(cat "$scratch/out") == "image one: $scratch/images/one.img
image two: $scratch/images/two.img
client here: one" ]] || die "check says: $(cat "$scratch/out")"
write "images = \"$scratch/images\"" 'status-page = 8080' 'interface = ["lo", "nosuch0"]' >"$config"
refused "$config:3: interface nosuch0: this machine has none of that name" "$config:2: status-page is for bootview serve; under systemd"
write "images = \"$scratch/images\"" 'status-page = 8080' >"$config"
"$BOOTVIEW" config check "$config" >"$scratch/out" 2>"$scratch/check.err" || die "a key that the units ignore is no mistake"
grep -qF 'systemctl edit bootview-monitor.service' "$scratch/check.err" || die "check does not say who decides on status-page"
status=0
"$BOOTVIEW" config chekc 2>/dev/null || status=$?
[[ $status == 2 ]] || die "status $status for a wrong command line"

# --- Every option is a key, and in the manual; no other.

for program in "$BOOTVIEW serve" "$TFTP_BRIDGE"; do
    $program --help | grep -oE '^  (-[a-zA-Z],)?--[a-z0-9-]+' | grep -oE -- '--.*' | sed 's/--//'
done | sort -u | grep -vxE 'help|version|config|check|root' >"$scratch/options"
echo images >>"$scratch/options"
while read -r key; do write "$key = 1979-05-27"; done <"$scratch/options" >"$config"
refused 'images is a text'
! grep 'there is no key' "$scratch/check.err" || die "not in bootview/config/keys.cpp"
# In the order of the manual: (1) its own, then the list of tftp-bridge's.
sed -n '/^=head1 KEYS/,/^=head1 CLIENTS/p' "$top/bootview/bootview.toml.pod" |
    grep -E '^=item|^C<[a-z0-9-]+>[,.]' | grep -oE 'C<[a-z0-9-]+>' | sed 's/C<//; s/>//' | sort -u >"$scratch/page"
sort -u "$scratch/options" | diff - "$scratch/page" || die "the options (<) and bootview.toml(5) (>) differ"

# --- bootview config import

golden=$top/tests/unit/bootview/config/golden
mkdir -p "$scratch"/srv/{nobodd/images,nbd,tftp/52-54-00-12-34-56,tftp/dc-a6-32-01-36-c2} "$scratch/import/conf.d"
for image in nobodd/images/{jammy,kitchen} noble lab nbd/{jammy,rescue-2024}; do echo x >"$scratch/srv/$image.img"; done
# type_it: what a configuration says is to be typed first.
type_it() { sed -n 's/^#     sudo //p' "$scratch/imported.toml" | bash -euo pipefail; }
for kind in nobodd nbd-server dnsmasq; do
    sed "s|/srv/|$scratch/srv/|; s|= images/|= ../srv/|; s|/var/tmp/|$scratch/srv/|" "$golden/$kind.conf" >"$scratch/import/$kind.conf"
    "$BOOTVIEW" config import "$kind" "$scratch/import/$kind.conf" >"$scratch/imported.toml" || die "import $kind"
    type_it || die "what import $kind says is to be typed does not work"
    # dnsmasq has no images, nor this machine its interface.
    [[ $kind != dnsmasq ]] || sed -i "1i images = \"$scratch/images\"
        s/\"eth0\"/\"lo\"/" "$scratch/imported.toml"
    "$BOOTVIEW" config check "$scratch/imported.toml" >/dev/null 2>"$scratch/check.err" || die "check of what $kind came to"
done
# With what a file includes, from wherever it is typed.
write '[board:11111111]' "image = $scratch/srv/nobodd/images/a.img" >"$scratch/import/conf.d/b.conf"
(cd "$scratch/import" && "$BOOTVIEW" config import nobodd nobodd.conf) >"$scratch/imported.toml"
grep -x 'serial = "11111111"' "$scratch/imported.toml" >/dev/null || die "conf.d was left out"
grep -xF "images = \"$scratch/srv/nobodd/images\"" "$scratch/imported.toml" >/dev/null || die "a relative path has lost the images"
grep -qF "ln -s $scratch/srv/noble.img " "$scratch/imported.toml" || die "an image is not relative to its file"

# Servers that worked together. A name that only nbd-server knew, of an image with a name that a shell would not leave alone.
odd="$scratch/my images/a'b \$(x).img"
mkdir "${odd%/*}"
make_image odd "$odd"
write '[board:10000000abcd1234]' "Image = $odd" >"$scratch/import/one.conf"
write '[generic]' '[class room]' "exportname = $odd" >"$scratch/import/nbd.conf"
write 'interface=lo # for now' 'dhcp-range=127.0.0.0,proxy' 'pxe-service=0,"Raspberry Pi Boot"' >"$scratch/import/pxe.conf"
"$BOOTVIEW" config import nobodd "$scratch/import/one.conf" nbd-server "$scratch/import/nbd.conf" dnsmasq "$scratch/import/pxe.conf" >"$scratch/imported.toml"
! "$BOOTVIEW" config check "$scratch/imported.toml" >/dev/null 2>"$scratch/check.err" || die "check is content without the link"
grep -qF 'root class room: no image' "$scratch/check.err" || die "check does not say what is missing"
type_it || die "a path with quotes can't be typed"
"$BOOTVIEW" config check "$scratch/imported.toml" >"$scratch/out" 2>"$scratch/check.err" || die "check of three servers"
grep -qxF 'client 10000000abcd1234: class room' "$scratch/out" || die "the board has not got the image by its export's name"
status=0
"$BOOTVIEW" config import nobdd x 2>/dev/null || status=$?
[[ $status == 2 ]] || die "status $status for a server that is not known"

# --- bootview config units

write "images = \"$scratch/images\"" 'nbd-port = 5' '[[client]]' 'mac = "52:54:00:12:34:56"' >"$config"
mkdir "$scratch/units"
"$BOOTVIEW" config units "$scratch/units" "$config" 2>"$scratch/units.err" || die "units"
grep -q "$config:2: nbd-port is for bootview serve" "$scratch/units.err" || die "nbd-port was left out in silence"
grep -qx "NBD_SOURCE=\"dir=$scratch/images\"" "$scratch/units/environment" || die "no images for the units"
"$TFTP_BRIDGE" --check --config "$scratch/units/tftp-bridge.toml" || die "no configuration for tftp-bridge.service"
cp "$scratch/units/tftp-bridge.toml" "$scratch/before"
write 'imags = "/x"' >"$config"
! "$BOOTVIEW" config units "$scratch/units" "$config" 2>"$scratch/units.err" || die "a bad file was taken"
grep -q "$config:1: there is no key imags" "$scratch/units.err" || die "units do not say what is wrong"
cmp "$scratch/before" "$scratch/units/tftp-bridge.toml" || die "a bad file has changed the old settings"

# --- bootview serve --config

write "images = \"$scratch/images\"" 'nbd-port = 1' 'max-transfers = 50' '[[client]]' 'ip = "127.0.0.1"' 'root = "one"' >"$config"
start_serve --config "$config"
one=$(boot_file "$scratch/images/one.img" kernel8.img) two=$(boot_file "$scratch/images/two.img" kernel8.img)
tftp=${tftp%NAME/}
[[ $nbd != *:1/* ]] || die "the command line has not counted more than the file: $nbd"
[[ $(fetch kernel8.img) == "$one" ]] || die "the client has not got its root"
said() { grep -qF -- "$1" "$scratch/serve.err"; }

# A transfer that lasts, in small blocks.
curl --silent --max-time 100 --tftp-blksize 64 "${tftp}kernel8.img" >"$scratch/slow" &
slow=$!
wait_for 60 test -s "$scratch/slow" || die "a transfer does not begin"
write "images = \"$scratch/images\"" 'nbd-port = 2' '[[client]]' 'ip = "127.0.0.1"' 'root = "two"' \
    '[[client]]' 'ip = "192.0.2.7"' 'root = "three"' >"$config"
kill -HUP "$serve_pid"
gets() { [[ $(fetch kernel8.img) == "$1" ]]; }
wait_for 60 gets "$two" || die "SIGHUP: the client has not got its other root"
said "$config:2: nbd-port takes a new start" || die "serve does not say that nbd-port stays"
said "$config: without max-transfers it takes a new start" || die "serve does not say that max-transfers stays"
said "$config:8: root three: no image" || die "serve does not say that a client has no image"
wait "$slow" || die "SIGHUP has ended a transfer"
[[ $(sum <"$scratch/slow") == "$one" ]] || die "SIGHUP has mixed two files"

write '' '[[client]]' 'ip = "127.0.0.1"' 'rot = "one"' >"$config"
kill -HUP "$serve_pid"
wait_for 60 said "$config:4: [[client]] has no key rot; did you mean root?; the old settings stay" || die "a bad file: nothing said"
gets "$two" || die "a bad file has changed something"
# Also when tftp-bridge has to start again.
kill -KILL "$(part tftp-bridge)"
wait_for 60 gets "$two" || die "tftp-bridge came back with other settings"
bridge_config=$(tr '\0' '\n' <"/proc/$(part tftp-bridge)/cmdline" | grep -A1 -x -- --config | tail -n 1)
[[ -f $bridge_config ]] || die "tftp-bridge has no configuration"
parts=$(pgrep -P "$serve_pid" | tr '\n' ' ')
stop_serve
# shellcheck disable=SC2086 # a list
expect_nothing_left $parts
[[ ! -e $bridge_config ]] || die "its configuration is left behind: $bridge_config"

# A mistake keeps it from starting, and is one line.
for text in 'imags = "/x"' 'reply-delay = ["pie=1"]'; do
    write "$text" >"$config"
    status=0
    timeout 60 "$BOOTVIEW" serve --listen 127.0.0.1 --nbd-port 0 --tftp-port 0 --config "$config" "$scratch/images" 2>"$scratch/line" || status=$?
    [[ $status == 1 && $(wc -l <"$scratch/line") == 1 ]] || die "status $status: $(cat "$scratch/line")"
    grep -q "^bootview: $config:1: " "$scratch/line" || die "$(cat "$scratch/line")"
done
