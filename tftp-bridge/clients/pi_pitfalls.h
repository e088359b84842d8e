// What goes wrong with a Raspberry Pi without a word from it, and can be seen from here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bootview::clients {

// Files that a Pi 4 or 5 takes for an update of its EEPROM, and writes into that while it boots
// (ENABLE_SELF_UPDATE=1 is how they are delivered).
inline constexpr std::string_view pi_eeprom_updates[] = {"pieeprom.upd", "recovery.bin"};

// Of a file that is about to be sent; `name` as the client asks for it, who it is is asked only of
// a large one. Empty if all is well.
std::string pitfall_of(std::string_view name, std::uint64_t length, std::uint32_t block_size,
                       const std::function<bool()>& is_pi);

// The first update of the EEPROM in a directory; empty without one. May wait for its file system.
std::string find_eeprom_update(const std::string& directory);

} // namespace bootview::clients
