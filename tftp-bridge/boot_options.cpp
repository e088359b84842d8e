#include "tftp-bridge/boot_options.h"

#include "common/nearest_word.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace bootview {
namespace {

using dhcp::Architecture;

// "ARCH": a name, or a number for what has none.
Architecture architecture_of(std::string_view option, std::string_view whole,
                             std::string_view name) {
    if (const auto architecture = dhcp::architecture_from_text(name))
        return *architecture;
    const auto& names = dhcp::architecture_names();
    throw OptionError(fmt::format("--{} {}: there is no architecture \"{}\"; did you mean {}?",
                                  option, whole, name,
                                  nearest(name, {names.begin(), names.end()})));
}

std::map<Architecture, std::string> by_architecture(std::string_view option,
                                                    const std::vector<std::string>& values,
                                                    std::string_view what) {
    std::map<Architecture, std::string> result;
    for (const auto& value : values) {
        const auto equals = value.find('=');
        if (equals == std::string::npos || equals + 1 == value.size())
            throw OptionError(
                fmt::format("--{} {}: write ARCH={}, as in x64={}", option, value, what,
                            what == "URL" ? "http://192.0.2.1/boot.efi" : "grubx64.efi"));
        const auto architecture = architecture_of(option, value, value.substr(0, equals));
        if (!result.emplace(architecture, value.substr(equals + 1)).second)
            throw OptionError(
                fmt::format("--{} {}: {} has one already", option, value, to_string(architecture)));
    }
    return result;
}

std::vector<std::string> split_at_commas(const std::string& text, std::size_t most) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (parts.size() + 1 < most) {
        const auto comma = text.find(',', begin);
        if (comma == std::string::npos)
            break;
        parts.push_back(text.substr(begin, comma - begin));
        begin = comma + 1;
    }
    parts.push_back(text.substr(begin));
    return parts;
}

void check_file(std::string_view option, std::string_view file) {
    if (file.size() > dhcp::max_file_bytes)
        throw OptionError(fmt::format("--{} {}: DHCP takes names up to {} bytes", option, file,
                                      dhcp::max_file_bytes));
}

std::vector<dhcp::MenuEntry> menu_of(const std::vector<std::string>& values) {
    std::vector<dhcp::MenuEntry> menu;
    for (const auto& value : values) {
        const auto parts = split_at_commas(value, 3);
        if (parts.size() < 2 || parts[1].empty())
            throw OptionError(fmt::format("--pxe-menu {}: write ARCH,TEXT,FILE, or ARCH,TEXT to "
                                          "boot from the local disk",
                                          value));
        dhcp::MenuEntry entry;
        if (parts[0] != "any")
            entry.architecture = architecture_of("pxe-menu", value, parts[0]);
        entry.text = parts[1];
        entry.file = parts.size() > 2 ? parts[2] : "";
        check_file("pxe-menu", entry.file);
        menu.push_back(std::move(entry));
    }
    // What a machine would get to see, to say now rather than at its first boot that it is too
    // much.
    for (const auto& entry : menu) {
        std::vector<dhcp::PxeMenuEntry> shown;
        for (const auto& other : menu)
            if (!entry.architecture || !other.architecture ||
                *entry.architecture == *other.architecture)
                shown.push_back(
                    {other.file.empty() ? dhcp::local_boot : dhcp::first_free_type, other.text});
        if (!dhcp::menu_option(shown, {}, {}))
            throw OptionError("--pxe-menu: the whole menu has to fit into 255 bytes; use shorter "
                              "texts or fewer entries");
    }
    return menu;
}

std::optional<dhcp::PxePrompt> prompt_of(const std::string& value) {
    if (value.empty())
        return std::nullopt;
    dhcp::PxePrompt prompt;
    prompt.timeout = 255;
    const auto comma = value.rfind(',');
    prompt.text = value.substr(0, comma);
    if (comma != std::string::npos) {
        const auto* begin = value.data() + comma + 1;
        const auto* end = value.data() + value.size();
        const auto [stop, error] = std::from_chars(begin, end, prompt.timeout);
        if (error != std::errc{} || stop != end)
            throw OptionError(fmt::format("--pxe-prompt {}: write TEXT,SECONDS with 0 to 254 "
                                          "seconds, or TEXT to wait for ever",
                                          value));
    }
    if (prompt.text.empty() || prompt.text.size() > 80)
        throw OptionError("--pxe-prompt: the text has 1 to 80 bytes");
    return prompt;
}

void set_delay(dhcp::AnswerSettings& answers, const std::string& value) {
    const auto equals = value.find('=');
    const auto number = value.substr(equals == std::string::npos ? 0 : equals + 1);
    double seconds = -1;
    const auto [stop, error] =
        std::from_chars(number.data(), number.data() + number.size(), seconds);
    if (error != std::errc{} || stop != number.data() + number.size() || !(seconds >= 0) ||
        seconds > 30)
        throw OptionError(fmt::format(
            "--reply-delay {}: write CLASS=SECONDS with 0 to 30 seconds, as in pi=1.5", value));
    const std::chrono::milliseconds delay(static_cast<std::int64_t>(seconds * 1000));
    if (equals == std::string::npos) {
        answers.delays.fill(delay);
        return;
    }
    const auto boot_class = dhcp::boot_class_from_text(value.substr(0, equals));
    if (!boot_class)
        throw OptionError(fmt::format("--reply-delay {}: the classes are bios, uefi, ipxe, pi and "
                                      "http",
                                      value));
    answers.delays[static_cast<std::size_t>(*boot_class)] = delay;
}

} // namespace

dhcp::ServerSettings dhcp_settings(const BootOptions& options) {
    dhcp::ServerSettings settings;
    settings.interfaces = options.interface;
    settings.port_67 = !options.no_67;
    settings.relays = options.relay;
    settings.answers.adopt = options.adopt;
    settings.answers.pi_menu = options.pi_menu;
    if (options.pi_menu.size() > 200)
        throw OptionError("--pi-menu: the text has up to 200 bytes");
    settings.answers.menu = menu_of(options.pxe_menu);
    settings.answers.prompt = prompt_of(options.pxe_prompt);
    for (const auto& value : options.reply_delay)
        set_delay(settings.answers, value);
    return settings;
}

clients::BootDefaults boot_defaults(const BootOptions& options) {
    clients::BootDefaults defaults;
    defaults.boot_file = by_architecture("boot-file", options.boot_file, "FILE");
    for (const auto& [architecture, file] : defaults.boot_file)
        check_file("boot-file", file);
    defaults.http_boot = by_architecture("http-boot", options.http_boot, "URL");
    check_file("ipxe-script", options.ipxe_script);
    defaults.ipxe_script = options.ipxe_script;
    return defaults;
}

} // namespace bootview
