// What the types of partitions are called, as sfdisk(8) calls them.
#pragma once

#include <cstdint>
#include <string_view>

namespace bootview::partition {

// Empty: not a well-known one.
std::string_view type_name(std::uint8_t mbr_type);
std::string_view type_name(std::string_view guid); // in lower case

} // namespace bootview::partition
