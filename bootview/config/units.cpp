#include "bootview/config/units.h"

#include "bootview/config/keys.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace bootview::config {

namespace {

// systemd.exec(5), EnvironmentFile=: between double quotes, these take a backslash.
std::string unit_text(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (std::string_view{"\"\\`$"}.find(c) != std::string_view::npos)
            result += '\\';
        result += c;
    }
    return result + "\"";
}

} // namespace

std::string unit_environment(const Config& config) {
    const auto source = config.text("images", default_images());
    std::error_code error;
    // What is not there, or can't be looked at, would be a directory by default.
    const bool file =
        std::filesystem::exists(source, error) && !std::filesystem::is_directory(source, error);
    std::string options = "ro"; // as by default: an option has to be there
    if (const auto* setting = config.find("view-options"))
        for (const auto& value : setting->values)
            options += "," + value;
    return fmt::format("# Written by bootview from {}; changes are lost.\n"
                       "NBD_SOURCE={}\nNBD_WRITERS={}\nVIEW_SOURCE={}\nVIEW_OPTIONS={}\n",
                       config.file, unit_text((file ? "file=" : "dir=") + source),
                       unit_text(config.is_true("shared") ? "any" : "one"), unit_text(source),
                       unit_text(options));
}

Problems not_for_units(const Config& config) {
    Problems lines;
    for (const auto& [key, setting] : config.options)
        if (const auto by = find_key(key)->by_unit; !by.empty())
            lines.push_back(fmt::format("{}: {} is for bootview serve; under systemd that is up to "
                                        "{}",
                                        setting.place(), key, by));
    return lines;
}

} // namespace bootview::config
