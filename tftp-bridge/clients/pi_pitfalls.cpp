#include "tftp-bridge/clients/pi_pitfalls.h"

#include "tftp-bridge/clients/boot_question.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace bootview::clients {
namespace {

// Block numbers have 16 bits. Firmware from before 2025-09-23 takes what comes after the last of
// them for the end of the file, and boots what it has.
constexpr std::uint64_t most_blocks_of_old_firmware = 65535;

} // namespace

std::string pitfall_of(std::string_view name, std::uint64_t length, std::uint32_t block_size,
                       const std::function<bool()>& is_pi) {
    const auto base = name.substr(name.rfind('/') + 1); // npos + 1 is 0
    if (std::find(std::begin(pi_eeprom_updates), std::end(pi_eeprom_updates), base) !=
        std::end(pi_eeprom_updates))
        return "a Raspberry Pi writes this into its EEPROM; if it is not to, remove the file from "
               "its root, or set ENABLE_SELF_UPDATE=0 there";
    if (length / block_size >= most_blocks_of_old_firmware && is_pi())
        return fmt::format("{} bytes are more than 65535 blocks of {}, where the EEPROM of a "
                           "Raspberry Pi from before 2025-09-23 stops without an error; update "
                           "that, or make the file smaller",
                           length, block_size);
    return "";
}

std::string find_eeprom_update(const std::string& directory) {
    for (const auto name : pi_eeprom_updates)
        if (exists_inside(directory, std::string(name)))
            return std::string(name);
    return "";
}

} // namespace bootview::clients
