#include "tftp-bridge/dhcp/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace bootview::dhcp {
namespace {

constexpr std::array<std::pair<BootClass, std::string_view>, 5> class_names = {{
    {BootClass::bios, "bios"},
    {BootClass::uefi, "uefi"},
    {BootClass::ipxe, "ipxe"},
    {BootClass::pi, "pi"},
    {BootClass::http, "http"},
}};

bool starts_with(Bytes bytes, std::string_view text) {
    return bytes.size() >= text.size() && std::equal(text.begin(), text.end(), bytes.begin());
}

bool equals(Bytes bytes, std::string_view text) {
    return bytes.size() == text.size() && starts_with(bytes, text);
}

// The bare text, as iPXE sends it, or with the length bytes of RFC 3004.
bool is_ipxe(const Message& message) {
    if (message.find(Code::ipxe))
        return true;
    const auto user_class = message.find(Code::user_class);
    return user_class &&
           (equals(*user_class, "iPXE") || equals(*user_class, std::string_view("\4iPXE", 5)));
}

std::optional<Architecture> architecture_of(const Message& message) {
    const auto value = message.find(Code::architecture);
    if (!value || value->size() < 2)
        return std::nullopt;
    // RFC 4578 §2.1: a list; the first that is known counts, or else the first.
    std::optional<Architecture> first;
    for (std::size_t at = 0; at + 1 < value->size(); at += 2) {
        const auto architecture = static_cast<Architecture>((*value)[at] << 8 | (*value)[at + 1]);
        if (is_known(architecture))
            return architecture;
        if (!first)
            first = architecture;
    }
    return first;
}

// RFC 4578 §2.3: type 0, then 16 bytes.
std::optional<Uuid> identifier_of(const Message& message) {
    const auto value = message.find(Code::machine_identifier);
    if (!value || value->size() != 17 || (*value)[0] != 0)
        return std::nullopt;
    Uuid uuid;
    std::copy_n(value->begin() + 1, uuid.size(), uuid.begin());
    return uuid;
}

bool is_four_times_the_same(const Uuid& uuid) {
    return std::equal(uuid.begin(), uuid.begin() + 12, uuid.begin() + 4);
}

bool is_all_one_byte(const Uuid& uuid) {
    return std::all_of(uuid.begin(), uuid.end(), [&](auto byte) { return byte == uuid[0]; });
}

constexpr std::uint8_t pi_3_rom_byte = 0x44; // the same in every Pi 3B

// "RPi4", "RPi5" and what comes after them.
bool is_named_pi(const Uuid& uuid) {
    return std::equal(uuid.begin(), uuid.begin() + 3, "RPi");
}

bool is_pi_identifier(const Uuid& uuid) {
    if (is_named_pi(uuid))
        return true;
    if (is_all_one_byte(uuid)) // or a PC whose maker has left it empty (00, ff)
        return uuid[0] == pi_3_rom_byte;
    return is_four_times_the_same(uuid);
}

// What the boot ROMs and the EEPROM ask for: {1, 3, 43, 60, 66, 67, 128-135}, and nothing else.
bool asks_like_a_pi(const Message& message) {
    const auto list = message.find(Code::parameter_list);
    if (!list || list->empty())
        return false;
    static const std::set<std::uint8_t> asked = {1,   3,   43,  60,  66,  67,  128,
                                                 129, 130, 131, 132, 133, 134, 135};
    return std::all_of(list->begin(), list->end(),
                       [](std::uint8_t code) { return asked.contains(code); });
}

bool is_pi(const Message& message) {
    const auto vendor_class = message.find(Code::vendor_class);
    if (!vendor_class || !equals(*vendor_class, "PXEClient:Arch:00000:UNDI:002001") ||
        is_ipxe(message) || message.find(Code::max_message_size))
        return false;
    const auto identifier = identifier_of(message);
    if (!identifier)
        return false; // every Pi sends one
    return is_pi_identifier(*identifier) || asks_like_a_pi(message);
}

// Four bytes, the least significant one first.
std::string serial_from(const std::uint8_t* bytes) {
    return fmt::format("{:02x}{:02x}{:02x}{:02x}", bytes[3], bytes[2], bytes[1], bytes[0]);
}

std::optional<std::string> serial_of(const Uuid& uuid) {
    if (is_named_pi(uuid))
        return serial_from(uuid.data() + 12);
    if (is_four_times_the_same(uuid) && !is_all_one_byte(uuid))
        return serial_from(uuid.data());
    return std::nullopt;
}

} // namespace

std::string_view to_string(BootClass boot_class) {
    for (const auto& [value, name] : class_names)
        if (value == boot_class)
            return name;
    return "unknown";
}

std::optional<BootClass> boot_class_from_text(std::string_view text) {
    for (const auto& [value, name] : class_names)
        if (name == text)
            return value;
    return std::nullopt;
}

Identified identify(const Message& message) {
    const auto vendor_class = message.find(Code::vendor_class);
    if (!vendor_class)
        return {{}, NotBooting::no_vendor_class};
    const bool http = starts_with(*vendor_class, "HTTPClient");
    if (!http && !starts_with(*vendor_class, "PXEClient"))
        return {{}, NotBooting::other_vendor_class};
    const auto architecture = architecture_of(message);
    if (!architecture)
        return {{}, NotBooting::no_architecture};

    Machine machine;
    machine.mac = message.mac();
    machine.architecture = *architecture;
    machine.uuid = identifier_of(message);
    if (http) {
        machine.boot_class = BootClass::http;
    } else if (is_pi(message) || *architecture == Architecture::raspberry_pi) {
        machine.boot_class = BootClass::pi;
        machine.architecture = Architecture::raspberry_pi;
        if (machine.uuid)
            machine.serial = serial_of(*machine.uuid);
        machine.uuid.reset();
    } else if (is_ipxe(message)) {
        machine.boot_class = BootClass::ipxe;
    } else {
        machine.boot_class = is_uefi(*architecture) ? BootClass::uefi : BootClass::bios;
    }
    if (machine.uuid && is_all_one_byte(*machine.uuid))
        machine.uuid.reset();
    return {machine, {}};
}

} // namespace bootview::dhcp
