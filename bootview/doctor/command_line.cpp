#include "bootview/doctor/command_line.h"

#include <algorithm>
#include <charconv>
#include <sstream>

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

// RFC 3986 §2.1.
std::string decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
                text.data() + i + 3) {
            result += static_cast<char>(byte);
            i += 2;
        } else {
            result += text[i];
        }
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
    if (slash != std::string_view::npos)
        root.name = decoded(text.substr(slash + 1));
    return std::nullopt;
}

std::optional<std::string> parse_plain(std::string_view text, NbdRoot& root) {
    const auto parts = split(text);
    if (!parts)
        return "has a [ without its ]";
    root.host = parts->host;
    auto rest = parts->rest;
    if (rest.starts_with(',')) { // HOST,PORT or HOST,NAME, and the device
        rest.remove_prefix(1);
        const auto name = rest.substr(0, rest.find(','));
        if (std::count(rest.begin(), rest.end(), ',') > 1)
            return "has too many commas: HOST,NAME,DEVICE";
        if (!is_number(name))
            root.name = name;
        else if (!take_port(name, root))
            return fmt::format("'{}' is no port", name);
    } else if (rest.starts_with(":/")) {
        root.name = rest.substr(2);
    } else if (rest.starts_with('/')) {
        root.name = rest.substr(1);
    } else if (rest.starts_with(':')) { // HOST:PORT/NAME, HOST:PORT, HOST:NAME
        rest.remove_prefix(1);
        const auto slash = rest.find('/');
        const auto port = rest.substr(0, slash);
        if (!is_number(port))
            root.name = rest;
        else if (!take_port(port, root))
            return fmt::format("'{}' is no port", port);
        else if (slash != std::string_view::npos)
            root.name = rest.substr(slash + 1);
    } else if (!rest.empty()) {
        return "is not understood: HOST/NAME or HOST:PORT/NAME";
    }
    return std::nullopt;
}

// dracut.cmdline(7): nbd:SERVER:PORT-OR-NAME[:...].
void parse_dracut(std::string_view text, NbdRoot& root) {
    text.remove_prefix(std::string_view{"nbd:"}.size());
    const auto parts = split(text);
    if (!parts)
        return;
    root.host = parts->host;
    if (parts->rest.size() < 2)
        return;
    const auto rest = parts->rest.substr(1);
    const auto second = rest.substr(0, rest.find(':'));
    if (!is_number(second) || !take_port(second, root))
        root.name = second;
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
            const auto error =
                value == "dhcp"               ? std::nullopt
                : value.starts_with("nbd://") ? parse_uri(value, root)
                : value.find("://") != std::string::npos
                    ? std::optional<std::string>("is no root: only nbd://HOST[:PORT]/NAME can be")
                    : parse_plain(value, root);
            if (value == "dhcp")
                root.host = value;
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
