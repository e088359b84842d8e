#include "bootview/doctor/pc_loaders.h"

#include "tftp-bridge/dhcp/answer.h"

#include <fmt/format.h>

#include <utility>

namespace bootview::doctor {

namespace {

using Read = std::vector<BootEntry> (*)(const std::string& file, std::string_view text);
struct Candidate {
    std::string file;
    Read read;
};

// "boot/" of "boot/pxelinux.0".
std::string directory_of(const std::string& program) {
    const auto slash = program.rfind('/');
    return slash == std::string::npos ? std::string{} : program.substr(0, slash + 1);
}

std::string base_of(const std::string& program) {
    return program.substr(directory_of(program).size());
}

bool is_pxelinux(const std::string& base) {
    return base == "pxelinux.0" || base == "lpxelinux.0" || base == "syslinux.efi";
}

// syslinux.txt, "How to configure PXELINUX": the MAC, the address from all its digits to one, then
// "default".
void add_pxelinux(const PcLoader& loader, const std::string& directory,
                  std::vector<Candidate>& candidates) {
    const std::string below = directory + "pxelinux.cfg/";
    if (loader.mac)
        candidates.push_back({below + "01-" + loader.mac->to_string('-'), pxelinux_entries});
    if (loader.address) {
        std::string digits = fmt::format("{:08X}", loader.address->value);
        for (; !digits.empty(); digits.pop_back())
            candidates.push_back({below + digits, pxelinux_entries});
    }
    candidates.push_back({below + "default", pxelinux_entries});
}

std::vector<Candidate> candidates_of(const PcLoader& loader) {
    const std::string base = base_of(loader.program);
    std::vector<Candidate> candidates;
    if (is_pxelinux(base)) {
        add_pxelinux(loader, directory_of(loader.program), candidates);
    } else if (dhcp::is_ipxe_program(loader.program)) {
        if (!loader.ipxe_script.empty())
            candidates.push_back({loader.ipxe_script, ipxe_entries});
        else
            candidates = {{"autoexec.ipxe", ipxe_entries}, {"boot.ipxe", ipxe_entries}};
    } else if (base.starts_with("grubnet")) { // Debian's, whose prefix is /grub
        candidates = {{"grub/grub.cfg", grub_entries}};
    } else { // "EFI/BOOT/BOOTX64.EFI" may be any of them
        add_pxelinux(loader, "", candidates);
        for (const char* name :
             {"EFI/debian/grub.cfg", "EFI/BOOT/grub.cfg", "grub/grub.cfg", "boot/grub/grub.cfg"})
            candidates.push_back({name, grub_entries});
        for (const char* name : {"autoexec.ipxe", "boot.ipxe"})
            candidates.push_back({name, ipxe_entries});
    }
    return candidates;
}

// What iPXE puts into names and command lines, as far as it is known here.
std::string with_mac(std::string text, const dhcp::Mac& mac) {
    for (const std::string_view variable :
         {"${net0/mac:hexhyp}", "${mac:hexhyp}", "${netX/mac:hexhyp}"})
        for (auto at = text.find(variable); at != std::string::npos; at = text.find(variable, at))
            text.replace(at, variable.size(), mac.to_string('-'));
    return text;
}

} // namespace

std::vector<std::string> companions_of(const std::string& program) {
    const std::string base = base_of(program);
    const std::string directory = directory_of(program);
    if (base == "pxelinux.0" || base == "lpxelinux.0")
        return {directory + "ldlinux.c32"};
    if (base == "syslinux.efi")
        return {directory + "ldlinux.e64"};
    if (base == "shimx64.efi")
        return {directory + "grubx64.efi"};
    return {};
}

bool asks_whom_the_dhcp_server_names(const std::string& program) {
    const std::string base = base_of(program);
    return base.starts_with("grub") || base.starts_with("shim");
}

PcConfiguration
read_configuration(const PcLoader& loader,
                   const std::function<const std::string*(const std::string&)>& get) {
    for (const auto& [file, read] : candidates_of(loader))
        if (const std::string* const text = get(file)) {
            const bool ipxe = read == ipxe_entries && loader.mac;
            return {file, read(file, ipxe ? with_mac(*text, *loader.mac) : *text)};
        }
    return {};
}

} // namespace bootview::doctor
