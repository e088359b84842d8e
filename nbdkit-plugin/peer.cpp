#include "nbdkit-plugin/peer.h"

#include <array>
#include <atomic>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

namespace bootview::plugin {

namespace {

sockaddr_storage peer_name() {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (nbdkit_peer_name(reinterpret_cast<sockaddr*>(&peer), &length) != 0)
        return {};
    return peer;
}

std::string address_of(const sockaddr_storage& peer) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (peer.ss_family == AF_INET) {
        const auto& four = reinterpret_cast<const sockaddr_in&>(peer);
        ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    } else if (peer.ss_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&six))
            ::inet_ntop(AF_INET, &six.s6_addr[12], text.data(), text.size());
        else
            ::inet_ntop(AF_INET6, &six, text.data(), text.size());
    }
    return text.data();
}

// Without anything that would tell two of them apart, two connections are two clients.
std::string unknown_client() {
    static std::atomic<unsigned> count{0};
    return fmt::format("a client without an address, connection {}", ++count);
}

} // namespace

std::string client_address() {
    return address_of(peer_name());
}

Peer find_peer() {
    const sockaddr_storage peer = peer_name();
    if (const std::string address = address_of(peer); !address.empty()) {
        Descriptor socket = find_connection(peer);
        return {address, socket ? std::make_unique<TcpLink>(std::move(socket)) : nullptr};
    }
    if (peer.ss_family == AF_VSOCK)
        return {fmt::format("the virtual machine with CID {}",
                            reinterpret_cast<const sockaddr_vm&>(peer).svm_cid),
                nullptr};
    // A process of another PID namespace has the number 0.
    const std::int64_t pid = peer.ss_family == AF_UNIX ? nbdkit_peer_pid() : 0;
    return {pid > 0 ? fmt::format("process {}", pid) : unknown_client(), nullptr};
}

} // namespace bootview::plugin
