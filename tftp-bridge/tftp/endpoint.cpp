#include "tftp-bridge/tftp/endpoint.h"

#include "tftp-bridge/tftp/start_error.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>

namespace bootview::tftp {
namespace {

[[noreturn]] void bad_listen_address(std::string_view text, std::string_view why) {
    throw StartError(
        fmt::format("--listen {}: {}; write ADDR, ADDR:PORT, :PORT or [ADDR6]:PORT, as in "
                    "192.0.2.1:69",
                    text, why));
}

std::uint16_t parse_port(std::string_view whole, std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        bad_listen_address(whole, fmt::format("\"{}\" is not a port number", text));
    return port;
}

} // namespace

Endpoint Endpoint::from_sockaddr(const sockaddr_storage& storage) {
    Endpoint result;
    if (storage.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &storage, sizeof in);
        result.family = AF_INET;
        result.port = ntohs(in.sin_port);
        std::memcpy(result.address.data(), &in.sin_addr, 4);
    } else if (storage.ss_family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, &storage, sizeof in6);
        result.port = ntohs(in6.sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
            result.family = AF_INET;
            std::memcpy(result.address.data(), &in6.sin6_addr.s6_addr[12], 4);
        } else {
            result.family = AF_INET6;
            std::memcpy(result.address.data(), &in6.sin6_addr, 16);
            if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
                result.scope = in6.sin6_scope_id;
        }
    }
    return result;
}

std::optional<Endpoint> Endpoint::from_text(std::string_view address, std::uint16_t port) {
    Endpoint result;
    result.port = port;
    std::string text(address);
    if (inet_pton(AF_INET, text.c_str(), result.address.data()) == 1) {
        result.family = AF_INET;
        return result;
    }
    if (const auto percent = text.find('%'); percent != std::string::npos) {
        result.scope = if_nametoindex(text.c_str() + percent + 1);
        if (result.scope == 0)
            return std::nullopt;
        text.resize(percent);
    }
    if (inet_pton(AF_INET6, text.c_str(), result.address.data()) == 1) {
        result.family = AF_INET6;
        return result;
    }
    return std::nullopt;
}

socklen_t Endpoint::to_sockaddr(sockaddr_storage& storage) const {
    storage = {};
    if (family == AF_INET) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, address.data(), 4);
        std::memcpy(&storage, &in, sizeof in);
        return sizeof in;
    }
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    in6.sin6_scope_id = scope;
    std::memcpy(&in6.sin6_addr, address.data(), 16);
    std::memcpy(&storage, &in6, sizeof in6);
    return sizeof in6;
}

socklen_t Endpoint::to_sockaddr_for(int fd, sockaddr_storage& storage) const {
    int domain = family;
    socklen_t length = sizeof domain;
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
    if (domain != AF_INET6 || family != AF_INET)
        return to_sockaddr(storage);
    Endpoint mapped;
    mapped.family = AF_INET6;
    mapped.port = port;
    mapped.address[10] = mapped.address[11] = 0xff;
    std::copy_n(address.begin(), 4, mapped.address.begin() + 12);
    return mapped.to_sockaddr(storage);
}

std::string Endpoint::address_to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, address.data(), text.data(), text.size());
    return text.data();
}

std::string Endpoint::to_string() const {
    const auto text = address_to_string();
    if (family == AF_INET)
        return fmt::format("{}:{}", text, port);
    if (scope != 0)
        return fmt::format("[{}%{}]:{}", text, scope, port);
    return fmt::format("[{}]:{}", text, port);
}

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const {
    const std::string_view bytes(reinterpret_cast<const char*>(endpoint.address.data()), 16);
    return std::hash<std::string_view>{}(bytes)*31 + endpoint.port;
}

ListenAddress parse_listen_address(std::string_view text) {
    std::string_view host;
    std::optional<std::string_view> port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            bad_listen_address(text, "the ] is missing");
        host = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        if (!rest.empty()) {
            if (rest[0] != ':')
                bad_listen_address(text, "after ] only :PORT may follow");
            port = rest.substr(1);
        }
    } else {
        if (std::count(text.begin(), text.end(), ':') > 1)
            bad_listen_address(text, "an IPv6 address needs brackets");
        const auto colon = text.find(':');
        host = text.substr(0, colon);
        if (colon != std::string_view::npos)
            port = text.substr(colon + 1);
    }

    ListenAddress result;
    if (port)
        result.port = parse_port(text, *port);
    if (!host.empty()) {
        result.endpoint = Endpoint::from_text(host, result.port);
        if (!result.endpoint)
            bad_listen_address(text, fmt::format("\"{}\" is not an IP address", host));
    } else if (!port) {
        bad_listen_address(text, "it is empty");
    }
    return result;
}

} // namespace bootview::tftp
