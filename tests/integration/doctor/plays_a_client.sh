# bootview doctor --as: fetches what a client would, in its order, and connects to the export that its
# command line names. What is missing for it is said of this client.
source "$(dirname "$0")/doctor.sh"
requires nbdkit ss
make_kernel "$scratch/vmlinuz" "$kernel"
root=$scratch/tree-of-files
mkdir -p "$root/89025d75"

nbdkit --foreground --port 0 --ipaddr 127.0.0.1 memory 1M </dev/null >/dev/null 2>&1 &
nbdkit=$!
cleanup "kill -KILL $nbdkit"
listening() { ss -Hltnp 2>/dev/null | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$nbdkit,.*/\1/p" | grep .; }
wait_until listening
nbd_port=$(listening)
"$TFTP_BRIDGE" --root "$root" --listen 127.0.0.1:0 2>"$scratch/bridge.log" &
bridge=$!
cleanup "kill $bridge"
wait_until grep -q 'listening on' "$scratch/bridge.log"
tftp_port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$scratch/bridge.log" | head -n 1)
arguments=(--listen 127.0.0.1 --nbd-port "$nbd_port" --tftp-port "$tftp_port")
line="ip=dhcp nbdroot=127.0.0.1:$nbd_port/boot root=/dev/nbd0p2"

# A Raspberry Pi, with a directory of its own.
examine --as 89025d75
finds failure client-root-missing 89025d75
# Its line, for a file of ours: what it adds is taken.
line_of_it=$(said client-root-missing fix)
line_of_it=${line_of_it//\/etc\/bootview/$scratch}
echo "images = \"$scratch/images\"" >"$scratch/bootview.toml"
mkdir "$scratch/images"
truncate -s 1M "$scratch/images/NAME.img"
bash -c "${line_of_it%% && systemctl*}"
"$BOOTVIEW" config check "$scratch/bootview.toml" >"$scratch/checked" 2>&1 || fail "$(cat "$scratch/checked")"
cd "$root/89025d75"
cp "$scratch/vmlinuz" kernel8.img
head -c 100000 /dev/urandom >initramfs8
cp kernel8.img start4.elf
echo 'auto_initramfs=1' >config.txt
echo "$line" >cmdline.txt
examine --as 1000000089025d75
[ "$status" = 0 ] || fail "a Pi would not boot: $(all_said)"
for file in start4.elf config.txt cmdline.txt kernel8.img initramfs8; do
    all_said | grep -q "fine client-tftp: 89025d75/$file: [0-9]* bytes in" || fail "did not fetch $file: $(all_said)"
done
all_said | grep -q '89025d75/initramfs8: 100000 bytes' || fail "not all of a file: $(all_said)"
all_said | grep -q 'fine client-nbd: .*: 1048576 bytes' || fail "no NBD: $(all_said)"
rm initramfs8
examine --as 89025d75
finds failure client-file-missing 89025d75/initramfs8
echo 'console=tty1' >cmdline.txt
examine --as 89025d75
finds failure client-without-nbdroot
rm config.txt
examine --as 89025d75
finds failure client-file-missing config.txt

# A PC.
cd "$root"
examine --as 52:54:00:12:34:56
finds failure client-boot-program-missing
echo loader >pxelinux.0
cp pxelinux.0 ldlinux.c32
examine --as 52:54:00:12:34:56
finds failure client-configuration-missing
mkdir pxelinux.cfg
cp "$scratch/vmlinuz" vmlinuz
cp vmlinuz initrd.img
printf 'LABEL linux\n KERNEL vmlinuz\n APPEND initrd=initrd.img %s\n' "$line" >pxelinux.cfg/01-52-54-00-12-34-56
examine --as 52:54:00:12:34:56
[ "$status" = 0 ] || fail "a PC would not boot: $(all_said)"
all_said | grep -q 'client-tftp: pxelinux.cfg/01-52-54-00-12-34-56' || fail "not its own configuration: $(all_said)"
examine --as 192.0.2.9 # another one finds none
finds failure client-configuration-missing
no client-root
# An image that is named by a MAC is this one's, and nothing beside it is.
own=$root/52-54-00-12-34-59
mkdir -p "$own/pxelinux.cfg"
cp pxelinux.0 ldlinux.c32 vmlinuz "$own"
printf 'LABEL linux\n KERNEL vmlinuz\n INITRD initrd.img\n APPEND %s\n' "$line" >"$own/pxelinux.cfg/default"
examine --as 52:54:00:12:34:59
has client-root || fail "not in the image of its MAC: $(all_said)"
all_said | grep -q 'client-tftp: pxelinux.cfg/default' || fail "not its own configuration: $(all_said)"
finds failure client-file-missing initrd.img
rm ldlinux.c32
examine --as 52:54:00:12:34:56
finds failure client-file-missing ldlinux.c32

cp pxelinux.0 ldlinux.c32
own=pxelinux.cfg/01-52-54-00-12-34-56
cp $own "$scratch/configuration"
echo 'DEFAULT linux' >$own
examine --as 52:54:00:12:34:56
finds failure client-kernel-missing
sed 's|KERNEL vmlinuz|KERNEL http://192.0.2.1/vmlinuz|' "$scratch/configuration" >$own
examine --as 52:54:00:12:34:56
finds unchecked client-elsewhere http://192.0.2.1/vmlinuz
cp "$scratch/configuration" $own
rm vmlinuz
mkdir vmlinuz # which is there, and no file
examine --as 52:54:00:12:34:56
finds warning client-tftp-refused vmlinuz

# Servers that are not there.
kill -KILL "$nbdkit"
wait "$nbdkit" || true
examine --as 52:54:00:12:34:56
finds failure client-nbd-refused "$nbd_port"
kill "$bridge"
wait "$bridge" || true
examine --as 52:54:00:12:34:56
finds failure client-no-tftp-server "$tftp_port"
echo "$found findings"
