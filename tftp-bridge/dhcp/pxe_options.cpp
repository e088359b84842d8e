#include "tftp-bridge/dhcp/pxe_options.h"

namespace bootview::dhcp {
namespace {

constexpr std::size_t max_option_bytes = 255;

void append_u16(std::vector<std::uint8_t>& to, std::uint16_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value & 0xff));
}

// False, and `to` left as it is, if the value does not fit into its length byte.
bool append(std::vector<std::uint8_t>& to, PxeCode code, const std::vector<std::uint8_t>& value) {
    if (value.size() > max_option_bytes)
        return false;
    to.push_back(static_cast<std::uint8_t>(code));
    to.push_back(static_cast<std::uint8_t>(value.size()));
    to.insert(to.end(), value.begin(), value.end());
    return true;
}

void append_end(std::vector<std::uint8_t>& to) {
    to.push_back(static_cast<std::uint8_t>(PxeCode::end));
}

} // namespace

std::optional<BootItem> parse_boot_item(Bytes option43) {
    for (std::size_t at = 0; at < option43.size();) {
        const auto code = option43[at++];
        if (code == 0)
            continue;
        if (code == static_cast<std::uint8_t>(PxeCode::end) || at == option43.size())
            return std::nullopt;
        const std::size_t length = option43[at++];
        if (length > option43.size() - at)
            return std::nullopt;
        if (code == static_cast<std::uint8_t>(PxeCode::boot_item) && length >= 4) {
            const auto value = option43.subspan(at, length);
            return BootItem{static_cast<std::uint16_t>(value[0] << 8 | value[1]),
                            static_cast<std::uint16_t>(value[2] << 8 | value[3])};
        }
        at += length;
    }
    return std::nullopt;
}

std::vector<std::uint8_t> boot_item_option(BootItem item) {
    std::vector<std::uint8_t> value;
    append_u16(value, item.type);
    append_u16(value, item.layer);
    std::vector<std::uint8_t> option;
    append(option, PxeCode::boot_item, value);
    append_end(option);
    return option;
}

std::vector<std::uint8_t> just_boot_option() {
    std::vector<std::uint8_t> option;
    append(option, PxeCode::discovery_control, {just_boot_the_file});
    append_end(option);
    return option;
}

std::optional<std::vector<std::uint8_t>> menu_option(const std::vector<PxeMenuEntry>& entries,
                                                     const PxePrompt& prompt, Ipv4 server) {
    std::vector<std::uint8_t> prompt_value = {prompt.timeout};
    prompt_value.insert(prompt_value.end(), prompt.text.begin(), prompt.text.end());

    std::vector<std::uint8_t> servers;
    std::vector<std::uint8_t> menu;
    for (const auto& entry : entries) {
        if (entry.type != local_boot) {
            append_u16(servers, entry.type);
            servers.push_back(1); // one address follows
            const auto address = value_of(server);
            servers.insert(servers.end(), address.begin(), address.end());
        }
        if (entry.text.size() > max_option_bytes)
            return std::nullopt;
        append_u16(menu, entry.type);
        menu.push_back(static_cast<std::uint8_t>(entry.text.size()));
        menu.insert(menu.end(), entry.text.begin(), entry.text.end());
    }

    std::vector<std::uint8_t> option;
    append(option, PxeCode::discovery_control, {no_broadcast_discovery | no_multicast_discovery});
    bool fits = append(option, PxeCode::menu_prompt, prompt_value);
    if (!servers.empty())
        fits = fits && append(option, PxeCode::boot_servers, servers);
    fits = fits && append(option, PxeCode::boot_menu, menu);
    append_end(option);
    if (!fits || option.size() > max_option_bytes)
        return std::nullopt;
    return option;
}

} // namespace bootview::dhcp
