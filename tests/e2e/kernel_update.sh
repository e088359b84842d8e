# A diskless PC boots from the network, installs another kernel onto its boot partition, reboots, and runs it. On the
# server not one command is given. If this fails, bootview has no reason to be.
source "$(dirname "$0")/machine.sh"
make_place
bootview_serve

began=$SECONDS
power_on
booted 600
echo "booted in $((SECONDS - began)) s, $(cpu_seconds) s of CPU"
[ "$(guest <<<'uname -r')" = "$old" ] || fail "it runs $(guest <<<'uname -r'), not $old"
expect 'the root' "$(guest <<<'findmnt -n -o SOURCE,FSTYPE /')" '^/dev/nbd0p2 +ext4$'
expect 'the boot partition' "$(guest <<<'findmnt -n -o SOURCE,FSTYPE /boot/firmware')" '^/dev/nbd0p1 +vfat$'
before=$(fetched vmlinuz)

began=$SECONDS
# Where the processor is emulated it takes minutes to make an initramfs: one comes with the package.
guest 900 <<<"${MAKE_INITRAMFS-INITRD=No} dpkg -i /root/new.deb" >"$scratch/dpkg" || { cat "$scratch/dpkg"; say_why; fail "dpkg in the guest"; }
echo "another kernel installed in $((SECONDS - began)) s; $(cpu_seconds) s of CPU"
for file in vmlinuz initrd.img; do
    sum=$(guest <<<"sha256sum </boot/firmware/$file" | cut -d' ' -f1)
    [ "$(fetched $file)" = "$sum" ] || fail "TFTP has another $file than the guest has written"
done
[ "$(fetched vmlinuz)" != "$before" ] || fail "TFTP has the old kernel"

began=$SECONDS
rebooted 600
echo "rebooted in $((SECONDS - began)) s; $(cpu_seconds) s of CPU"
running=$(guest <<<'uname -r')
[ "$running" = "$new" ] || fail "it runs $running, not $new"
echo "$old installed $new, and runs it"
