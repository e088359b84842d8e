#include "initramfs-hooks/nbd-attach/options.h"

#include <cstring>
#include <optional>

namespace bootview::nbd {

const char* const usage =
    "bootview-nbd-attach --device /dev/nbdN --host ADDRESS [--port PORT] [--export NAME]\n"
    "bootview-nbd-attach --device /dev/nbdN --disconnect\n"
    "\n"
    "Makes an export of an NBD server a block device and keeps it one: when the server goes away,\n"
    "what is read and written waits until it is back.\n"
    "\n"
    "  --connect-timeout S    an attempt to connect fails after S seconds (10)\n"
    "  --dead-conn-timeout S  input and output fail after S seconds without a server (604800)\n"
    "  --device /dev/nbdN     the block device\n"
    "  --disconnect           end it\n"
    "  --export NAME          what the server is to serve (its default export)\n"
    "  --foreground           stay with the terminal, and say there what happens\n"
    "  --help                 show this\n"
    "  --host ADDRESS         the server: an IPv4 or IPv6 address\n"
    "  --port PORT            its port (10809)\n"
    "  --timeout S            a request is sent again after S seconds without an answer (30)\n"
    "  --version              show the version\n";

namespace {

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t least,
                                    std::uint32_t most) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
        return std::nullopt;
    return value;
}

// A time that fits into the kernel's own, which counts ticks in a long, on any machine.
constexpr std::uint32_t longest_time = 2'000'000;

bool take(Options& options, std::string_view name, const char* value, Text& problem) {
    const auto take_number = [&](std::uint32_t least, std::uint32_t most, auto& field) {
        const auto taken = number(value, least, most);
        if (!taken)
            (problem << name << " takes a number from " << least << " to " << most << ", not '")
                    .quote(value)
                << "'";
        else
            field = static_cast<std::remove_reference_t<decltype(field)>>(*taken);
        return taken.has_value();
    };
    if (name == "--device") {
        std::string_view device = value;
        if (device.starts_with("/dev/"))
            device.remove_prefix(5);
        const auto index =
            device.starts_with("nbd") ? number(device.substr(3), 0, 65535) : std::nullopt;
        if (!index) {
            (problem << "--device takes an NBD device, as /dev/nbd0, not '").quote(value) << "'";
            return false;
        }
        options.index = *index;
        options.device = value;
        return true;
    }
    if (name == "--host") {
        // As nbdroot= takes it, in one: the parts have options of their own here.
        const std::string_view host = value;
        const auto colon = host.find(':');
        const bool is_ipv4_and_more = colon != std::string_view::npos && colon == host.rfind(':');
        if (host.find_first_of("/, ") != std::string_view::npos || host.starts_with("nbd:") ||
            is_ipv4_and_more ||
            (colon != std::string_view::npos &&
             host.substr(0, colon).find('.') != std::string_view::npos)) {
            (problem << "--host takes an address alone, not '").quote(value)
                << "'; write --host ADDRESS --port PORT --export NAME";
            return false;
        }
        options.host = value;
    } else if (name == "--export")
        options.export_name = value;
    else if (name == "--port")
        return take_number(1, 65535, options.port);
    // Without a limit a request that the server took along would never be sent again.
    else if (name == "--timeout")
        return take_number(1, longest_time, options.timeout);
    else if (name == "--dead-conn-timeout")
        return take_number(0, longest_time, options.dead_connection);
    else if (name == "--connect-timeout")
        return take_number(1, 3600, options.connect_timeout);
    else {
        (problem << "unknown option '").quote(name) << "'; --help lists them";
        return false;
    }
    return true;
}

} // namespace

bool parse(int argc, char** argv, Options& options, Text& problem) {
    for (int i = 1; i < argc; ++i) {
        std::string_view name = argv[i];
        if (name == "--help" || name == "--version") {
            options.action =
                name == "--help" ? Options::Action::show_help : Options::Action::show_version;
            return true;
        }
        if (name == "--disconnect") {
            options.action = Options::Action::disconnect;
            continue;
        }
        if (name == "--foreground") {
            options.foreground = true;
            continue;
        }
        const char* value = std::strchr(argv[i], '=');
        if (value != nullptr) {
            name = name.substr(0, static_cast<std::size_t>(value - argv[i]));
            ++value;
        } else if (i + 1 < argc) {
            value = argv[++i];
        } else {
            (problem << "'").quote(name) << "' needs a value; --help lists the options";
            return false;
        }
        if (!take(options, name, value, problem))
            return false;
    }
    if (options.device == nullptr) {
        problem << "which device? Write --device /dev/nbd0";
        return false;
    }
    if (options.action == Options::Action::attach && options.host == nullptr) {
        problem << "which server? Write --host and its IP address";
        return false;
    }
    return true;
}

} // namespace bootview::nbd
