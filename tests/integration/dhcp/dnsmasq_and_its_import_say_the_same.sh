# Whoever goes over from dnsmasq has machines that boot, and they go on booting: dnsmasq is run with a configuration and asked
# by each kind of machine to the end, as its ROM would (boot-rom told), and so is tftp-bridge with what
# `bootview config import dnsmasq` makes of the same file. They tell each machine the same server and file.
#
# dnsmasq is the judge of what its configuration means; the table that is printed is what both say.
#
# BOOTVIEW is the program.
source "$(dirname "$0")/network.sh"
requires dnsmasq
make_network
own=10.77.0.50
ip -n "$net-rom" addr add $own/24 dev eth0

machines=(pi4 bios x64 ebc arm64 ipxe ipxe-x64)
# what_all_are_told: one line for each machine.
what_all_are_told() {
    local machine
    for machine in "${machines[@]}"; do
        echo "$machine: $(rom told "$machine" $own | paste -sd'|')"
    done
}

# by_dnsmasq FILE
by_dnsmasq() {
    local pid
    : >"$scratch/leases"
    ip netns exec "$net-boot" dnsmasq --keep-in-foreground --conf-file="$1" --user=root --pid-file= --no-ping \
        --dhcp-leasefile="$scratch/leases" --log-facility=- 2>"$scratch/dnsmasq.log" &
    pid=$!
    cleanup "kill $pid && wait $pid"
    wait_until grep -qE 'started, version|bad|error' "$scratch/dnsmasq.log"
    what_all_are_told
    kill $pid && wait $pid || fail "dnsmasq: $(cat "$scratch/dnsmasq.log")"
}

# by_bootview FILE
by_bootview() {
    "$BOOTVIEW" config import dnsmasq "$1" >"$scratch/bootview.toml" || fail "import of $1"
    mkdir -p "$scratch/units"
    "$BOOTVIEW" config units "$scratch/units" "$scratch/bootview.toml" || fail "$(cat "$scratch/bootview.toml")"
    start_bridge --config "$scratch/units/tftp-bridge.toml"
    what_all_are_told
    stop_bridge
}

# same NAME: the configuration on standard input. The Pi is compared by its server alone where dnsmasq says nothing to Pis.
same() {
    local name=$1 line machine theirs ours known
    cat >"$scratch/$name.conf"
    by_dnsmasq "$scratch/$name.conf" >"$scratch/theirs"
    by_bootview "$scratch/$name.conf" >"$scratch/ours"
    while IFS= read -r line; do
        machine=${line%%: *} theirs=${line#*: }
        ours=$(sed -n "s/^$machine: //p" "$scratch/ours")
        printf '%-10s %-9s %-42s %s\n' "$name" "$machine" "$theirs" "$ours" >>"$scratch/table"
        # A Pi is answered here in any case, and its files' names are in its ROM: its menu counts.
        known=$theirs
        [[ $machine != pi4 ]] || known=$(grep -oE '\[Raspberry Pi Boot *\] [0-9.]+' <<<"$theirs") || continue
        if [[ $machine == pi4 ]]; then
            [[ $ours == "$known" ]] || fail "$name: $machine: dnsmasq says $theirs, bootview $ours: $(cat "$scratch/bootview.toml")"
        # A program for x64 is for all x64 firmware, whether it says 7 or 9.
        elif [[ $theirs == nothing && $machine =~ ^(x64|ebc|ipxe.*)$ ]]; then
            :
        else
            [[ $ours == "$theirs" ]] || fail "$name: $machine: dnsmasq says $theirs, bootview $ours: $(cat "$scratch/bootview.toml")"
        fi
    done <"$scratch/theirs"
}

proxy='port=0
interface=eth0
bind-interfaces
dhcp-range=10.77.0.0,proxy'

same comments <<EOF2
$proxy
interface=eth0   # the card
pxe-service=x86PC,"Boot, and see",pxelinux # for old ones
pxe-service=BC_EFI,"A # in a text",bootx64.efi
pxe-service=x86-64_efi , "any case" , grub#x64.efi	# after a tab
pxe-service=0,"Raspberry Pi Boot" # the Pis
EOF2

same manual <<EOF2
$proxy
pxe-prompt="Boot?",0
dhcp-match=set:efi-x86_64,option:client-arch,7
dhcp-match=set:efi-x86_64,option:client-arch,9
dhcp-match=set:bios,option:client-arch,0
dhcp-boot=tag:efi-x86_64,"bootx64.efi"
dhcp-boot=tag:bios,"lpxelinux.0"
EOF2

same ipxe <<EOF2
$proxy
dhcp-userclass=set:ipxe,iPXE
pxe-service=tag:!ipxe,x86PC,"PXE chainload",undionly.kpxe
pxe-service=tag:!ipxe,BC_EFI,"PXE chainload",ipxe.efi
pxe-service=tag:!ipxe,X86-64_EFI,"PXE chainload",ipxe.efi
pxe-service=tag:ipxe,x86PC,"iPXE",menu.ipxe
pxe-service=tag:ipxe,X86-64_EFI,"iPXE",menu.ipxe
EOF2

same scripts <<EOF2
$proxy
pxe-prompt="x",0
dhcp-match=set:ipxe,175
dhcp-vendorclass=set:bios,PXEClient:Arch:00000
dhcp-vendorclass=set:efi,PXEClient:Arch:00007
dhcp-vendorclass=set:efi,PXEClient:Arch:00009
tag-if=set:ipxe-bios,tag:ipxe,tag:bios
tag-if=set:ipxe-efi,tag:ipxe,tag:efi
dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe
dhcp-boot=tag:efi,tag:!ipxe,ipxe.efi
dhcp-boot=tag:ipxe-bios,http://10.77.0.2/bios.ipxe
dhcp-boot=tag:ipxe-efi,http://10.77.0.2/efi.ipxe
EOF2

same menu <<EOF2
$proxy
pxe-prompt="What?",3
pxe-service=x86PC,"Install",pxelinux
pxe-service=x86PC,"Memory",memtest.0
pxe-service=7,"One",one.efi
pxe-service=7,"Two",two.efi
pxe-service=11,"Arm",grubaa64.efi
pxe-service=x86PC,"Elsewhere",7
EOF2

same hosts <<EOF2
$proxy
pxe-prompt="x",0
dhcp-boot=first.0
dhcp-boot=pxelinux.0
dhcp-match=set:arm,93,11
dhcp-boot=tag:arm,old.efi
dhcp-boot=tag:arm,grubaa64.efi
dhcp-host=52:54:00:12:34:55,set:old,desk
dhcp-host=52:54:00:12:34:55,set:desk,desk # this one counts
dhcp-boot=tag:desk,desk.0
dhcp-boot=tag:old,old.0
dhcp-mac=set:x,52:54:00:12:34:57
dhcp-boot=tag:x,tag:!arm,x.efi
EOF2

same known <<EOF2
$proxy
pxe-prompt="x",0
dhcp-boot=pxelinux.0
dhcp-host=52:54:00:12:34:55,desk
dhcp-host=dc:a6:32:01:36:c2,board
dhcp-ignore=tag:!known
EOF2

# As tags were written once, and what a directory brings.
mkdir "$scratch/conf.d"
echo 'dhcp-boot=net:ipxe,s.ipxe,boothost,10.77.0.2' >"$scratch/conf.d/a.conf"
echo 'dhcp-boot=net:ipxe,not.ipxe' >"$scratch/conf.d/a.conf~"
same old <<EOF2
$proxy
pxe-prompt=x,1
dhcp-match=ipxe,175 # iPXE sends a 175 option.
dhcp-vendorclass=bios,PXEClient:Arch:00000:UNDI:002001
dhcp-vendorclass=pxe,PXEClient
dhcp-boot=net:pxe,all.0
dhcp-boot=net:#ipxe,net:bios,old.0
conf-dir=$scratch/conf.d
EOF2

# One that gives out addresses, and says what to boot in an option.
same server <<EOF2
port=0
dhcp-authoritative
dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,600
dhcp-vendorclass=set:uefi,PXEClient:Arch:00007
dhcp-option=option:bootfile-name,"plain.0"
dhcp-option=tag:uefi,option:bootfile-name,"shimx64.efi"
EOF2

# Our own lines come back.
{ "$BOOTVIEW" dhcp-snippet dnsmasq --server 10.77.0.2
    echo port=0
    echo dhcp-authoritative
    echo dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,600; } >"$scratch/own"
same snippet <"$scratch/own"

printf '\n%-10s %-9s %-42s %s\n' FILE MACHINE DNSMASQ BOOTVIEW
cat "$scratch/table"
