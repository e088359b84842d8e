# That kernel_update.sh would notice: with the boot files copied out of the image, as everybody does it, the PC that
# has installed a new kernel still boots the old one.
source "$(dirname "$0")/machine.sh"
! bash "$e2e/kernel_update.sh" extracted_files >"$scratch/output" 2>&1 || fail "it passed over a copy: $(cat "$scratch/output")"
cat "$scratch/output"
expect 'the reason' "$(cat "$scratch/output")" \
    'TFTP has another vmlinuz .* TFTP has the old kernel. It runs (.*), not .*'
echo "fails as it should"
