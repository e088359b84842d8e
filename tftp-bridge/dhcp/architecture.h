// The architectures of RFC 4578's option 93, as IANA lists them ("Processor Architecture Types").
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::dhcp {

enum class Architecture : std::uint16_t {
    bios = 0,
    itanium = 2,
    ia32 = 6,
    x64 = 7,
    ebc = 9, // EFI byte code by the list, x64 in practice: RFC 4578 had 7 and 9 interchanged
    arm32 = 10,
    arm64 = 11,
    ia32_http = 15,
    x64_http = 16,
    ebc_http = 17,
    arm32_http = 18,
    arm64_http = 19,
    bios_http = 20,
    arm32_uboot = 21,
    arm64_uboot = 22,
    arm32_uboot_http = 23,
    arm64_uboot_http = 24,
    riscv32 = 25,
    riscv32_http = 26,
    riscv64 = 27,
    riscv64_http = 28,
    riscv128 = 29,
    riscv128_http = 30,
    loongarch32 = 37,
    loongarch32_http = 38,
    loongarch64 = 39,
    loongarch64_http = 40,
    raspberry_pi = 41, // only Pis that boot by IPv6 say so; here: every Pi, by its signature
};

// "x64", "x64-http"; "architecture 12" for one that is not in the list above.
std::string to_string(Architecture architecture);
// A name as to_string() gives it, or a number.
std::optional<Architecture> architecture_from_text(std::string_view text);
bool is_known(Architecture architecture);
const std::vector<std::string_view>& architecture_names();

// The architecture whose programs this one runs: arm64 for arm64-http, x64 for EBC.
Architecture program_architecture(Architecture architecture);
bool is_http(Architecture architecture);
// UEFI firmware, or U-Boot, which behaves alike: it takes an offer without option 43.
bool is_uefi(Architecture architecture);

} // namespace bootview::dhcp
