#include "bootview/doctor/command_line.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool take_port(std::string_view text, NbdRoot& root) {
    std::uint16_t port = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), port);
    if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || port == 0)
        return false;
    root.port = port;
    return true;
}

// RFC 3986 §2.1. Nothing: a % stands for no character that a name can have.
std::optional<std::string> decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        const auto digits = text.substr(i + 1, 2);
        unsigned char byte = 0;
        if (digits.size() < 2 ||
            std::from_chars(digits.data(), digits.data() + 2, byte, 16).ptr != digits.data() + 2 ||
            byte < 0x20)
            return std::nullopt;
        result += static_cast<char>(byte);
        i += 2;
    }
    return result;
}

// The address in front, and what follows it.
struct Split {
    std::string host;
    std::string_view rest;
};
std::optional<Split> split(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos)
            return std::nullopt;
        return Split{std::string(text.substr(1, end - 1)), text.substr(end + 1)};
    }
    // An IPv6 address without brackets is told by its colons; no port can follow it.
    auto end = std::min(text.find_first_of("/,"), text.size());
    const auto head = text.substr(0, end);
    const auto first = head.substr(0, head.find(':'));
    const bool is_ipv6 = std::count(head.begin(), head.end(), ':') >= 2 &&
                         first.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (!is_ipv6)
        end = std::min(text.find_first_of(":/,"), text.size());
    return Split{std::string(text.substr(0, end)), text.substr(end)};
}

bool is_host(std::string_view host) {
    return host.empty() || host == "dhcp" || host == "boot" ||
           host.find(':') != std::string_view::npos ||
           (std::count(host.begin(), host.end(), '.') == 3 &&
            host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::optional<std::string> parse_uri(std::string_view text, NbdRoot& root) {
    text.remove_prefix(std::string_view{"nbd://"}.size());
    text = text.substr(0, text.find_first_of("?#"));
    const auto slash = text.find('/');
    auto authority = text.substr(0, slash);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos)
        authority.remove_prefix(at + 1);
    const auto parts = split(authority);
    if (!parts)
        return "has a [ without its ]";
    root.host = parts->host;
    if (parts->rest.size() > 1 && !take_port(parts->rest.substr(1), root))
        return fmt::format("'{}' is no port", parts->rest.substr(1));
    if (!parts->rest.empty() && !parts->rest.starts_with(':'))
        return "is not understood: after nbd://HOST come :PORT and /NAME";
    if (slash == std::string_view::npos)
        return std::nullopt;
    auto name = decoded(text.substr(slash + 1));
    if (!name)
        return "has a % that is no character: write a % as %25";
    root.name = std::move(*name);
    return std::nullopt;
}

// Of a device that is named behind the export; empty: it is one.
std::string device_problem(std::string_view text) {
    std::string_view device = text;
    if (device.starts_with("/dev/"))
        device.remove_prefix(5);
    if (device.starts_with("nbd")) {
        device.remove_prefix(3);
        if (is_number(device.substr(0, device.find('p'))))
            return {};
    }
    return fmt::format("has '{}', which is no NBD device", text);
}

// HOST,PORT or HOST,NAME, and the device: `rest` is what follows the first comma.
std::optional<std::string> parse_commas(std::string_view rest, NbdRoot& root) {
    const auto comma = rest.find(',');
    const auto name = rest.substr(0, comma);
    if (std::count(rest.begin(), rest.end(), ',') > 1)
        return "has too many commas: HOST,NAME,DEVICE";
    const auto device = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
    if (!device.empty()) {
        if (is_number(name) && !device.starts_with("nbd") && !device.starts_with("/dev/"))
            return "has a name where the device stands: write HOST:PORT/NAME";
        if (const auto problem = device_problem(device); !problem.empty())
            return problem;
    }
    if (!is_number(name))
        root.name = name;
    else if (!take_port(name, root))
        return fmt::format("'{}' is no port", name);
    return std::nullopt;
}

// A number in front of a name is its port, whatever stands between the two; `rest` is what follows
// HOST: and begins with a number.
std::optional<std::string> parse_port_and_name(std::string_view rest, NbdRoot& root) {
    const auto port = rest.substr(0, rest.find_first_of("/:,"));
    if (!take_port(port, root))
        return fmt::format("'{}' is no port", port);
    rest.remove_prefix(port.size());
    if (rest.empty())
        return std::nullopt;
    const char between = rest.front();
    rest.remove_prefix(1);
    if (between == ':' && rest.find(':') != std::string_view::npos)
        return "has something behind its name: write HOST:PORT/NAME";
    if (between != ',') {
        root.name = rest;
        return std::nullopt;
    }
    if (std::count(rest.begin(), rest.end(), ',') > 1)
        return "has too many commas: HOST:PORT,NAME,DEVICE";
    const auto comma = rest.find(',');
    const bool is_device = comma == std::string_view::npos && device_problem(rest).empty();
    if (!is_device)
        root.name = rest.substr(0, comma);
    if (comma == std::string_view::npos)
        return std::nullopt;
    const auto problem = device_problem(rest.substr(comma + 1));
    return problem.empty() ? std::nullopt : std::optional(problem);
}

std::optional<std::string> parse_plain(std::string_view text, NbdRoot& root) {
    const auto parts = split(text);
    if (!parts)
        return "has a [ without its ]";
    root.host = parts->host;
    auto rest = parts->rest;
    if (rest.starts_with(',')) {
        return parse_commas(rest.substr(1), root);
    } else if (rest.starts_with(":/")) {
        root.name = rest.substr(2);
    } else if (rest.starts_with('/')) {
        root.name = rest.substr(1);
    } else if (rest.starts_with(':')) { // HOST:PORT/NAME, HOST:PORT:NAME, HOST:PORT, HOST:NAME
        rest.remove_prefix(1);
        if (is_number(rest.substr(0, rest.find_first_of("/:,"))))
            return parse_port_and_name(rest, root);
        root.name = rest;
    } else if (!rest.empty()) {
        return "is not understood: HOST/NAME or HOST:PORT/NAME";
    }
    return std::nullopt;
}

// dracut.cmdline(7): nbd:HOST:PORT-OR-NAME[:FSTYPE[:ROOTFLAGS[:NBDOPTS]]]; and QEMU's
// nbd:HOST:PORT:exportname=NAME.
std::optional<std::string> parse_dracut(std::string_view text, NbdRoot& root) {
    constexpr std::string_view export_name = ":exportname=";
    text.remove_prefix(std::string_view{"nbd:"}.size());
    const auto parts = split(text);
    if (!parts)
        return "has a [ without its ]";
    root.host = parts->host;
    if (!text.starts_with('[') && root.host.find(':') != std::string::npos)
        return "has an IPv6 address without its brackets: write nbd:[ADDRESS]:NAME";
    auto rest = parts->rest;
    if (rest.empty())
        return std::nullopt;
    if (!rest.starts_with(':') || root.host == "unix")
        return "is not understood: write nbd:HOST:NAME";
    rest.remove_prefix(1);
    if (const auto at = rest.find(export_name); at != std::string_view::npos)
        root.name = rest.substr(at + export_name.size());
    const auto second = rest.substr(0, rest.find(':'));
    const auto slash = second.find('/');
    const auto port = second.substr(0, slash);
    if (!is_number(port)) {
        root.name = second;
        return std::nullopt;
    }
    if (!take_port(port, root))
        return fmt::format("'{}' is no port", port);
    if (slash != std::string_view::npos)
        root.name = second.substr(slash + 1);
    return std::nullopt;
}

// Whatever nbdroot= or DHCP's root-path may be.
std::optional<std::string> parse_where(const std::string& value, NbdRoot& root) {
    if (value == "dhcp") {
        root.host = value;
        return std::nullopt;
    }
    if (value.starts_with("nbd://"))
        return parse_uri(value, root);
    if (value.substr(0, value.find("://")).find_first_of(".:/,[") == std::string::npos &&
        value.find("://") != std::string::npos)
        return "is no root: only nbd://HOST[:PORT]/NAME can be";
    if (value.starts_with("nbd:"))
        return parse_dracut(value, root);
    return parse_plain(value, root);
}

} // namespace

CommandLine parse_command_line(std::string_view text) {
    CommandLine line;
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
        const auto equals = word.find('=');
        const std::string key = word.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
        if (key == "ip") {
            line.has_ip = true;
        } else if (key == "root" && !value.starts_with("nbd:")) {
            line.root = value;
        } else if (key == "nbdroot" && !value.empty()) { // the last one counts
            line.nbd_error.clear();
            NbdRoot root;
            root.word = word;
            const auto error = parse_where(value, root);
            if (error)
                line.nbd_error = *error;
            else if (!is_host(root.host))
                line.nbd_error = fmt::format(
                    "has '{}' for an address: names can't be looked up this early", root.host);
            line.nbd_root = root;
        } else if ((key == "netroot" || key == "root") && value.starts_with("nbd:")) {
            NbdRoot root;
            root.word = word;
            parse_dracut(value, root);
            line.nbd_root = root;
            if (key == "root")
                line.root = value;
        }
    }
    return line;
}

} // namespace bootview::doctor
