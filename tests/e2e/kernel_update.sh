# A diskless PC boots from the network, installs another kernel onto its boot partition, reboots, and runs it. On the
# server not one command is given. If this fails, bootview has no reason to be.
#     kernel_update.sh [SERVER]    bootview_serve, or another of machine.sh's servers
source "$(dirname "$0")/machine.sh"
make_place
truncate -s +64M "$image"
"${1:-bootview_serve}"

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
wrong=()
for file in vmlinuz initrd.img; do
    sum=$(guest <<<"sha256sum </boot/firmware/$file" | cut -d' ' -f1)
    [ "$(fetched $file)" = "$sum" ] || wrong+=("TFTP has another $file than the guest has written.")
done
[ "$(fetched vmlinuz)" != "$before" ] || wrong+=("TFTP has the old kernel.")

began=$SECONDS
rebooted 600
echo "rebooted in $((SECONDS - began)) s; $(cpu_seconds) s of CPU"
running=$(guest <<<'uname -r')
[ "$running" = "$new" ] || wrong+=("It runs $running, not $new.")
[ ${#wrong[@]} = 0 ] || fail "${wrong[*]}"
echo "$old installed $new, and runs it"

# And its root is a disk like any other.
guest 300 <<'SCRIPT' >"$scratch/work" 2>&1 || { cat "$scratch/work"; fail "the guest can't use its root as a disk"; }
set -ex
# What containers do: a file of the lower layer is hidden by one of the upper, also when seen anew.
mkdir -p /root/overlay/{lower,upper,work,merged}
touch /root/overlay/lower/{gone,stays}
mount -t overlay -o lowerdir=/root/overlay/lower,upperdir=/root/overlay/upper,workdir=/root/overlay/work overlay /root/overlay/merged
rm /root/overlay/merged/gone
umount /root/overlay/merged
mount -t overlay -o lowerdir=/root/overlay/lower,upperdir=/root/overlay/upper,workdir=/root/overlay/work overlay /root/overlay/merged
[ "$(ls /root/overlay/merged)" = stays ]
umount /root/overlay/merged
# A swap file.
fallocate -l 32M /root/swap
chmod 600 /root/swap
mkswap /root/swap
swapon /root/swap
grep /root/swap /proc/swaps
swapoff /root/swap
# The image became larger than its last partition, which takes it all.
before=$(df --output=size / | tail -n1)
echo ', +' | sfdisk --no-reread --force -N 2 /dev/nbd0
partx -u -n 2 /dev/nbd0
resize2fs /dev/nbd0p2
[ "$(df --output=size / | tail -n1)" -gt $((before + 50000)) ]
SCRIPT
echo "overlay, swap, growing: done; $(cpu_seconds) s of CPU"

began=$SECONDS
switched_off 300
echo "switched off in $((SECONDS - began)) s"

# What the server has to say about all that: two boots of one machine, each from its first question to the end.
if [ "${1:-bootview_serve}" = bootview_serve ]; then
    story=$("$BUILD/bootview/bootview" log --json --socket "/run/bootview/serve-$server" 52:54:00:12:34:56)
    # Neither a reset nor being switched off closes a connection: that shows at the next boot, or much later.
    for boot in 1 2; do
        jq -e --argjson boot $boot '[.timeline[] | select(.boot == $boot)] as $all
            | def first(f): [range($all | length) as $i | select($all[$i] | f) | $i][0];
            [first(.event == "offer"), first(.what == "pxelinux.0" and .outcome == "finished"),
             first(.what == "vmlinuz" and .outcome == "finished"), first(.what == "initrd.img" and .outcome == "finished"),
             first(.event == "disk"), first(.event == "first-write"), if $boot == 1 then first(.event == "closed") else $all | length end]
            | all(. != null) and . == sort' <<<"$story" >"$scratch/judged" ||
            { "$BUILD/bootview/bootview" log --socket "/run/bootview/serve-$server" 52:54:00:12:34:56; fail "the timeline of boot $boot is not the boot"; }
    done
    jq -e '.boots == 2' <<<"$story" >/dev/null || fail "not two boots: $(jq .boots <<<"$story")"
    echo "bootview log tells both boots"
fi
stop_server
expect_clean_root
