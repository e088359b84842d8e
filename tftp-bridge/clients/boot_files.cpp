#include "tftp-bridge/clients/boot_files.h"

#include "tftp-bridge/tftp/file_name.h"
#include "tftp-bridge/tftp/file_root.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

namespace bootview::clients {
namespace {

// UEFI 2.10 §3.5.1.1 names the program of a removable medium: EFI/BOOT/BOOTX64.EFI. File systems
// that know upper and lower case hold it in either.
std::vector<std::string> efi_names(const std::string& upper, const std::string& lower,
                                   std::vector<std::string> more = {}) {
    std::vector<std::string> names = {"EFI/BOOT/BOOT" + upper + ".EFI",
                                      "EFI/BOOT/boot" + lower + ".efi",
                                      "efi/boot/boot" + lower + ".efi", "boot" + lower + ".efi"};
    names.insert(names.end(), more.begin(), more.end());
    return names;
}

// iPXE's banner (usr/autoboot.c), which its EFI programs hold as it is, and what the start of its
// BIOS programs says before they unpack the rest (arch/x86/prefix/pxeprefix.S).
constexpr std::string_view ipxe_marks[] = {"Open Source Network Boot Firmware", "PXE->EB:"};
constexpr std::uint64_t max_ipxe_bytes = 4U << 20; // with all drivers it has 1 to 2 MB

std::optional<std::string> first_of(const std::string& directory,
                                    const std::vector<std::string>& names, bool fold_case) {
    const tftp::FileRoot root(directory, fold_case);
    for (const auto& name : names)
        if (std::holds_alternative<tftp::OpenFile>(root.open(name)))
            return name;
    return std::nullopt;
}

} // namespace

const std::vector<std::string>& boot_program_names(dhcp::Architecture architecture) {
    using enum dhcp::Architecture;
    static const std::map<dhcp::Architecture, std::vector<std::string>> names = {
        {bios,
         {"pxelinux.0", "lpxelinux.0", "undionly.kpxe", "ipxe.pxe", "ipxe.kpxe",
          "boot/grub/i386-pc/core.0", "grub/i386-pc/core.0"}},
        {ia32, efi_names("IA32", "ia32", {"ipxe-i386.efi", "snponly-i386.efi"})},
        {x64,
         efi_names("X64", "x64",
                   {"shimx64.efi", "grubnetx64.efi", "grubx64.efi", "syslinux.efi", "snponly.efi",
                    "ipxe.efi", "ipxe-x86_64.efi", "boot/grub/x86_64-efi/core.efi"})},
        {arm32, efi_names("ARM", "arm", {"ipxe-arm32.efi"})},
        {arm64, efi_names("AA64", "aa64",
                          {"shimaa64.efi", "grubnetaa64.efi", "grubaa64.efi", "snponly-arm64.efi",
                           "ipxe-arm64.efi", "boot/grub/arm64-efi/core.efi"})},
        {riscv32, efi_names("RISCV32", "riscv32")},
        {riscv64, efi_names("RISCV64", "riscv64", {"grubriscv64.efi"})},
        {riscv128, efi_names("RISCV128", "riscv128")},
        {loongarch32, efi_names("LOONGARCH32", "loongarch32")},
        {loongarch64, efi_names("LOONGARCH64", "loongarch64", {"ipxe-loong64.efi"})},
        {arm32_uboot, {"boot.scr.uimg", "boot.scr"}},
        {arm64_uboot, {"boot.scr.uimg", "boot.scr"}},
    };
    static const std::vector<std::string> none;
    const auto known = names.find(dhcp::program_architecture(architecture));
    return known == names.end() ? none : known->second;
}

std::optional<std::string> find_boot_program(const std::string& directory,
                                             dhcp::Architecture architecture, bool fold_case) {
    return first_of(directory, boot_program_names(architecture), fold_case);
}

std::optional<std::string> find_ipxe_script(const std::string& directory, bool fold_case) {
    return first_of(directory, {"autoexec.ipxe", "boot.ipxe"}, fold_case);
}

bool is_ipxe(const std::string& directory, const std::string& name, bool fold_case) {
    const auto opened = tftp::FileRoot(directory, fold_case)
                            .open(tftp::without_own_path(tftp::clean_name(name), directory));
    const auto* file = std::get_if<tftp::OpenFile>(&opened);
    if (!file)
        return false;
    std::string content(std::min<std::uint64_t>(file->length, max_ipxe_bytes), '\0');
    std::size_t have = 0;
    while (have < content.size()) {
        const auto got = pread(file->fd.get(), content.data() + have, content.size() - have,
                               static_cast<off_t>(have));
        if (got <= 0)
            break;
        have += static_cast<std::size_t>(got);
    }
    content.resize(have);
    return std::any_of(std::begin(ipxe_marks), std::end(ipxe_marks), [&](std::string_view mark) {
        return content.find(mark) != std::string::npos;
    });
}

} // namespace bootview::clients
