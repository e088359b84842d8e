#include "bootview/config/keys.h"

#include "common/nearest_word.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

namespace bootview::config {

namespace {

constexpr std::string_view nbd_socket = "bootview-nbd.socket: systemctl edit bootview-nbd.socket";
constexpr std::string_view tftp_socket = "tftp-bridge.socket: systemctl edit tftp-bridge.socket";
constexpr std::string_view both_sockets =
    "the sockets: systemctl edit bootview-nbd.socket tftp-bridge.socket";
constexpr std::string_view monitor_unit =
    "bootview-monitor.service: systemctl edit bootview-monitor.service";
constexpr std::string_view all_units = "the units, which have /run/bootview for it";

constexpr std::array all_keys{
    Key{"adopt", Form::truth},
    Key{"boot-file", Form::texts, true},
    Key{"cache-size", Form::number, true},
    Key{"dhcp-proxy", Form::truth},
    Key{"fold-case", Form::truth, true},
    Key{"http-boot", Form::texts, true},
    Key{"images", Form::text},
    Key{"interface", Form::texts, true},
    Key{"ipxe-script", Form::text, true},
    Key{"listen", Form::text, false, both_sockets},
    Key{"log-level", Form::text},
    Key{"max-blksize", Form::number, true},
    Key{"max-transfers", Form::number, true},
    Key{"max-transfers-per-client", Form::number, true},
    Key{"max-windowsize", Form::number, true},
    Key{"metrics", Form::text_or_number, true},
    Key{"mount", Form::text, false, all_units},
    Key{"nbd-port", Form::number, false, nbd_socket},
    Key{"no-67", Form::truth, true},
    Key{"notify", Form::text, false, all_units},
    Key{"pi-menu", Form::text, true},
    Key{"port-range", Form::text, true},
    Key{"pxe-menu", Form::texts, true},
    Key{"pxe-prompt", Form::text, true},
    Key{"relay", Form::truth, true},
    Key{"reply-delay", Form::texts, true},
    Key{"retries", Form::number, true},
    Key{"shared", Form::truth},
    Key{"single-port", Form::truth, true},
    Key{"status-page", Form::text_or_number, false, monitor_unit},
    Key{"tftp-port", Form::number, false, tftp_socket},
    Key{"timeout", Form::decimal, true},
    Key{"view-options", Form::texts},
};

} // namespace

std::span<const Key> keys() {
    return all_keys;
}

const Key* find_key(std::string_view name) {
    const auto* const found = std::find_if(all_keys.begin(), all_keys.end(),
                                           [&](const Key& key) { return key.name == name; });
    return found == all_keys.end() ? nullptr : found;
}

std::string hint_for(std::string_view unknown_key) {
    if (unknown_key == "root") // as tftp-bridge.toml(5) has it
        return "what TFTP serves lies in the images; name them with images = \"...\"";
    if (unknown_key == "no-adopt")
        return "write adopt = false";
    if (unknown_key == "source")
        return "did you mean images?";
    std::vector<std::string> valid{"client"};
    for (const auto& key : all_keys)
        valid.emplace_back(key.name);
    return fmt::format("did you mean {}?", nearest(unknown_key, valid));
}

std::string wanted(const Key& key) {
    switch (key.form) {
    case Form::text:
        return fmt::format("a text; write {} = \"...\"", key.name);
    case Form::number:
        return fmt::format("a whole number; write {} = 1024, without quotes", key.name);
    case Form::decimal:
        return fmt::format("a number; write {} = 1.5, without quotes", key.name);
    case Form::truth:
        return fmt::format("true or false; write {} = true, without quotes", key.name);
    case Form::texts:
        return fmt::format("a text or a list of texts; write {} = [\"...\", \"...\"]", key.name);
    case Form::text_or_number:
        return fmt::format("a text or a number; write {} = \"...\"", key.name);
    }
    return {};
}

} // namespace bootview::config
