#include "tftp-bridge/clients/client_record.h"

#include "common/board_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace bootview::clients {
namespace {

// Firmware does not agree on the order of the bytes of a serial number in option 97.
std::string bytes_reversed(const std::string& serial) {
    std::string result;
    for (std::size_t at = serial.size(); at >= 2; at -= 2)
        result += serial.substr(at - 2, 2);
    return result;
}

// Pis up to the 3B+ make their MAC of these three bytes and the last three of the serial number.
bool is_made_of(const dhcp::Mac& mac, const std::string& serial) {
    return mac.to_string() == fmt::format("b8:27:eb:{}:{}:{}", serial.substr(2, 2),
                                          serial.substr(4, 2), serial.substr(6, 2));
}

bool has_serial(const ClientRecord& record, const Identity& identity) {
    if (!record.serial)
        return false;
    if (identity.serial)
        return *record.serial == *identity.serial ||
               *record.serial == bytes_reversed(*identity.serial);
    return identity.mac && is_made_of(*identity.mac, *record.serial);
}

bool is_named(const ClientRecord& record, const Identity& identity) {
    if (has_serial(record, identity) || (record.mac && record.mac == identity.mac))
        return true;
    if (record.uuid && identity.uuid &&
        (*record.uuid == *identity.uuid || *record.uuid == fields_reversed(*identity.uuid)))
        return true;
    return record.ip && record.ip->prefix_length == 32 && identity.address &&
           record.ip->contains(*identity.address);
}

bool names_nobody(const ClientRecord& record) {
    return !record.serial && !record.mac && !record.uuid && !record.ip && record.prefix.empty();
}

bool has_architecture(const ClientRecord& record, const Identity& identity) {
    if (!identity.architecture)
        return false;
    return std::any_of(record.architectures.begin(), record.architectures.end(),
                       [&](dhcp::Architecture architecture) {
                           return architecture == *identity.architecture ||
                                  architecture ==
                                      dhcp::program_architecture(*identity.architecture);
                       });
}

// False only if the machine is known to be of another architecture.
bool may_have_architecture(const ClientRecord& record, const Identity& identity) {
    return record.architectures.empty() || !identity.architecture ||
           has_architecture(record, identity);
}

} // namespace

bool AddressRange::contains(dhcp::Ipv4 address) const {
    if (prefix_length == 0)
        return true;
    return (address.value ^ first.value) >> (32 - prefix_length) == 0;
}

std::optional<AddressRange> AddressRange::from_text(std::string_view text) {
    AddressRange range;
    const auto slash = text.find('/');
    if (slash != std::string_view::npos) {
        const auto length = text.substr(slash + 1);
        const auto [end, error] =
            std::from_chars(length.data(), length.data() + length.size(), range.prefix_length);
        if (error != std::errc{} || end != length.data() + length.size() ||
            range.prefix_length > 32)
            return std::nullopt;
    }
    const auto address = dhcp::Ipv4::from_text(text.substr(0, slash));
    if (!address)
        return std::nullopt;
    range.first = *address;
    return range;
}

const ClientRecord* find_record(const std::vector<ClientRecord>& records,
                                const Identity& identity) {
    for (const auto& record : records)
        if (is_named(record, identity) && may_have_architecture(record, identity))
            return &record;
    for (const auto& record : records) {
        if (record.ip && identity.address && record.ip->contains(*identity.address) &&
            may_have_architecture(record, identity))
            return &record;
        if (names_nobody(record) && has_architecture(record, identity))
            return &record;
    }
    return nullptr;
}

std::optional<std::string> serial_from_text(std::string_view text) {
    // A digit that is missing is a slip, unless this is surely a number.
    const bool whole =
        text.size() == 8 || text.size() == 16 || text.starts_with("0x") || text.starts_with("0X");
    const auto number = whole ? serial_number(text) : std::nullopt;
    return number ? std::optional(fmt::format("{:08x}", *number)) : std::nullopt;
}

std::optional<dhcp::Uuid> uuid_from_text(std::string_view text) {
    return uuid_bytes(text);
}

} // namespace bootview::clients
