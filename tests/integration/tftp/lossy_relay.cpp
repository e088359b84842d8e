#include "lossy_relay.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace bootview::tftp {
namespace {

Descriptor loopback_socket(std::uint16_t& port) {
    Descriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    auto length = Endpoint::from_text("127.0.0.1", 0)->to_sockaddr(storage);
    if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0)
        throw std::runtime_error("no socket for the relay");
    const int room = 4 << 20;
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    port = Endpoint::from_sockaddr(storage).port;
    return fd;
}

void send_to(int fd, const Endpoint& to, std::string_view datagram) {
    sockaddr_storage storage;
    const auto length = to.to_sockaddr(storage);
    sendto(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&storage),
           length);
}

} // namespace

LossyRelay::LossyRelay(std::uint16_t server_port, const Badness& badness, unsigned seed)
    : client_side_(loopback_socket(port_)), server_(Endpoint::from_text("127.0.0.1", server_port)),
      badness_(badness), random_(seed) {
    std::uint16_t any;
    server_side_ = loopback_socket(any);
    thread_ = std::thread([this] { work(); });
}

LossyRelay::~LossyRelay() {
    stop_ = true;
    thread_.join();
}

void LossyRelay::work() {
    while (!stop_) {
        std::array<pollfd, 2> waiting{pollfd{client_side_.get(), POLLIN, 0},
                                      pollfd{server_side_.get(), POLLIN, 0}};
        poll(waiting.data(), waiting.size(), 5);
        release_delayed();
        if (waiting[0].revents)
            relay(true);
        if (waiting[1].revents)
            relay(false);
        if (!waiting[0].revents && !waiting[1].revents) {
            // Nothing follows that a held packet could let pass.
            if (to_server_.held)
                pass_on(true, *to_server_.held);
            if (to_client_.held)
                pass_on(false, *to_client_.held);
            to_server_.held.reset();
            to_client_.held.reset();
        }
    }
}

void LossyRelay::pass_on(bool to_server, const std::string& datagram) {
    if (to_server) {
        ++to_server_count_;
        send_to(server_side_.get(), *server_, datagram);
    } else {
        send_to(client_side_.get(), *client_, datagram);
    }
}

void LossyRelay::release_delayed() {
    const auto now = std::chrono::steady_clock::now();
    while (!delayed_.empty() && delayed_.front().until <= now) {
        pass_on(delayed_.front().to_server, delayed_.front().datagram);
        delayed_.pop_front();
    }
}

std::string LossyRelay::damaged(std::string datagram) {
    if (random_() % 2)
        return datagram.substr(0, random_() % 4); // less than any TFTP packet
    datagram[0] = static_cast<char>(random_());
    datagram[1] = static_cast<char>(random_() | 0x80); // no opcode there is
    return datagram;
}

void LossyRelay::relay(bool to_server) {
    auto& direction = to_server ? to_server_ : to_client_;
    const int from_fd = to_server ? client_side_.get() : server_side_.get();
    std::array<char, 65536> buffer;
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    const auto got = recvfrom(from_fd, buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&storage), &length);
    if (got < 0)
        return; // "port unreachable" from a side that has ended
    (to_server ? client_ : server_) = Endpoint::from_sockaddr(storage);
    from_server_ += !to_server;
    std::string datagram(buffer.data(), static_cast<std::size_t>(got));

    // The request itself arrives: its repetition is the client's business, and can take it many
    // seconds.
    const bool spared = std::exchange(first_packet_, false);
    if (!spared && happens(badness_.drop_percent))
        return;
    if (!spared && to_server && happens(badness_.damage_percent))
        datagram = damaged(std::move(datagram));
    if (!spared && happens(badness_.delay_percent)) {
        delayed_.push_back({std::chrono::steady_clock::now() + std::chrono::milliseconds(15),
                            to_server, datagram});
        return;
    }
    if (!spared && !direction.held && happens(badness_.reorder_percent)) {
        direction.held = datagram;
        return;
    }
    pass_on(to_server, datagram);
    if (!spared && happens(badness_.double_percent))
        pass_on(to_server, datagram);
    if (direction.held) {
        pass_on(to_server, *direction.held);
        direction.held.reset();
    }
}

bool LossyRelay::happens(unsigned percent) {
    if (percent == 0 || random_() % 100 >= percent)
        return false;
    ++disturbed_;
    return true;
}

} // namespace bootview::tftp
