#include "nbdkit-plugin/notify_settings.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <grp.h>

namespace bootview::plugin {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw std::invalid_argument(message);
}

mode_t parse_mode(const std::string& value) {
    char* end = nullptr;
    const unsigned long mode = std::strtoul(value.c_str(), &end, 8);
    if (value.empty() || *end != '\0' || mode > 0777)
        refuse(fmt::format("notify-mode={}: must be an octal mode such as 0660", value));
    return static_cast<mode_t>(mode);
}

gid_t parse_group(const std::string& value) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): configuration happens before there are threads
    if (const group* found = ::getgrnam(value.c_str()))
        return found->gr_gid;
    char* end = nullptr;
    const unsigned long number = std::strtoul(value.c_str(), &end, 10);
    if (value.empty() || *end != '\0')
        refuse(fmt::format("notify-group={}: no such group", value));
    return static_cast<gid_t>(number);
}

} // namespace

bool is_read_only(const std::vector<std::string>& arguments) {
    // nbdkit(1): short options that are followed by a value.
    constexpr std::string_view with_value{"DegimMpPtuUc"};
    for (std::size_t i = 1; i < arguments.size() && arguments[i] != "--"; ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--readonly" || argument == "--read-only")
            return true;
        if (argument.size() < 2 || argument[0] != '-' || argument[1] == '-')
            continue;
        for (std::size_t letter = 1; letter < argument.size(); ++letter) {
            if (argument[letter] == 'r')
                return true;
            if (with_value.find(argument[letter]) == std::string_view::npos)
                continue;
            if (letter + 1 == argument.size())
                ++i; // the value is the next argument
            break;
        }
    }
    return false;
}

bool was_started_read_only() {
    std::ifstream file{"/proc/self/cmdline", std::ios::binary};
    std::vector<std::string> arguments;
    for (std::string argument; std::getline(file, argument, '\0');)
        arguments.push_back(argument);
    return is_read_only(arguments);
}

std::string absolute(const std::string& path) {
    char resolved[PATH_MAX];
    if (::realpath(path.c_str(), resolved) == nullptr)
        refuse(fmt::format("{}: {}", path, std::strerror(errno)));
    return resolved;
}

std::string absolute_parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return absolute(".") + "/" + path;
    const std::string parent = absolute(path.substr(0, slash + 1));
    return (parent == "/" ? "" : parent) + path.substr(slash);
}

bool NotifySettings::set(const std::string& key, const std::string& value) {
    if (key == "notify")
        path = value == "none" ? value : absolute_parent(value);
    else if (key == "notify-mode")
        access.mode = parse_mode(value);
    else if (key == "notify-group")
        access.group = parse_group(value);
    else
        return false;
    return true;
}

} // namespace bootview::plugin
