#include "wire_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

namespace bootview::tftp {
namespace {

std::string number(std::uint16_t value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::uint16_t number_at(const std::string& text, std::size_t at) {
    return static_cast<std::uint16_t>((static_cast<unsigned char>(text.at(at)) << 8) |
                                      static_cast<unsigned char>(text.at(at + 1)));
}

// The value of an option in an OACK's body.
std::optional<std::string> option_value(const std::string& body, const std::string& name) {
    const auto at = body.find(name + '\0');
    if (at == std::string::npos)
        return std::nullopt;
    return body.c_str() + at + name.size() + 1;
}

} // namespace

std::string read_request(const std::string& name, const Options& options, const std::string& mode) {
    auto datagram = number(1) + name + '\0' + mode + '\0';
    for (const auto& [option, value] : options)
        datagram += option + '\0' + value + '\0';
    return datagram;
}

WireClient::WireClient(std::uint16_t server_port, const std::string& server_address)
    : server_(Endpoint::from_text(server_address, server_port).value()),
      fd_(socket(server_.family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (!fd_)
        throw std::runtime_error("no socket");
    const int room = 4 << 20;
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

void WireClient::send_request(std::string_view datagram) {
    send_to(server_, datagram);
}

void WireClient::send_to(const Endpoint& to, std::string_view datagram) {
    sockaddr_storage storage;
    const auto length = to.to_sockaddr(storage);
    sendto(fd_.get(), datagram.data(), datagram.size(), 0,
           reinterpret_cast<const sockaddr*>(&storage), length);
}

void WireClient::acknowledge(const Packet& packet, std::uint16_t block) {
    send_to(packet.from, number(4) + number(block));
}

void WireClient::stop_transfer(const Packet& packet) {
    send_to(packet.from, number(5) + number(0) + "enough" + '\0');
}

std::optional<Packet> WireClient::receive_within(int milliseconds) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (poll(&waiting, 1, milliseconds) != 1)
        return std::nullopt;
    std::array<char, 65536> buffer;
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    const auto got = recvfrom(fd_.get(), buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&storage), &length);
    if (got < 4)
        throw std::runtime_error("a packet of less than 4 bytes");
    const std::string datagram(buffer.data(), static_cast<std::size_t>(got));
    Packet packet{
        number_at(datagram, 0), number_at(datagram, 2), {}, Endpoint::from_sockaddr(storage)};
    packet.body = datagram.substr(packet.opcode == oack ? 2 : 4);
    return packet;
}

Packet WireClient::receive() {
    if (auto packet = receive_within(20'000))
        return *packet;
    throw std::runtime_error("the server does not answer");
}

std::optional<Packet> WireClient::receive_waiting() {
    return receive_within(0);
}

std::string WireClient::fetch(const std::string& name, const Options& options,
                              const std::string& mode) {
    const auto request = read_request(name, options, mode);
    send_request(request);
    std::size_t block_size = 512;
    std::size_t window = 1;
    std::uint64_t done = 0; // blocks that are in `content`
    std::uint64_t acknowledged = 0;
    bool complained = false; // RFC 7440 §4: one report per gap
    std::string content;
    std::optional<Endpoint> server;
    for (int silences = 0; silences < 400;) {
        auto packet = receive_within(50);
        if (!packet || (server && packet->from != *server)) {
            if (!packet)
                ++silences;
            if (!server)
                send_request(request);
            else
                send_to(*server, number(4) + number(static_cast<std::uint16_t>(done)));
            complained = false;
            continue;
        }
        server = packet->from;
        if (packet->opcode == error)
            return "ERROR " + std::to_string(packet->number) + ": " + packet->body.c_str();
        if (packet->opcode == oack) {
            if (const auto value = option_value(packet->body, "blksize"))
                block_size = std::stoul(*value);
            if (const auto value = option_value(packet->body, "windowsize"))
                window = std::stoul(*value);
            if (done == 0)
                acknowledge(*packet, 0);
            continue;
        }
        if (packet->number != static_cast<std::uint16_t>(done + 1)) {
            // A gap, or a window repeated: tell where we are, but only once until it goes on.
            if (!complained)
                acknowledge(*packet, static_cast<std::uint16_t>(done));
            acknowledged = done;
            complained = true;
            continue;
        }
        silences = 0;
        complained = false;
        content += packet->body;
        ++done;
        const bool last = packet->body.size() < block_size;
        if (last || done - acknowledged >= window) {
            acknowledge(*packet, static_cast<std::uint16_t>(done));
            acknowledged = done;
        }
        if (last)
            return content;
    }
    throw std::runtime_error("the server went silent");
}

} // namespace bootview::tftp
