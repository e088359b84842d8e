#include "tests/support/tftp_fetch.h"

#include "common/descriptor.h"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace bootview::test {

namespace {

std::uint16_t big_endian(const std::byte* bytes) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) << 8 |
                                      std::to_integer<unsigned>(bytes[1]));
}

} // namespace

Fetched tftp_fetch(std::uint16_t port, const std::string& name, unsigned block_size,
                   unsigned window) {
    Fetched fetched;
    const Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const int buffer_bytes = 4 << 20;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons(port);

    std::string request{"\0\1", 2};
    for (const std::string& field :
         {name, std::string{"octet"}, std::string{"blksize"}, std::to_string(block_size),
          std::string{"windowsize"}, std::to_string(window)})
        request.append(field).push_back('\0');

    const auto send = [&](const std::string& packet) {
        ::sendto(socket.get(), packet.data(), packet.size(), 0,
                 reinterpret_cast<const sockaddr*>(&server), sizeof server);
    };
    const auto acknowledge = [&](std::uint64_t block) {
        send({'\0', '\4', static_cast<char>(block >> 8 & 0xff), static_cast<char>(block & 0xff)});
    };

    send(request);
    std::vector<std::byte> packet(65536 + 4);
    std::uint64_t received = 0; // blocks
    unsigned since_ack = 0;
    bool answered = false;
    for (int silent = 0; silent < 10;) {
        pollfd ready{socket.get(), POLLIN, 0};
        if (::poll(&ready, 1, 1000) == 0) {
            ++silent;
            if (!answered)
                send(request);
            else
                acknowledge(received);
            continue;
        }
        sockaddr_in from{};
        socklen_t from_size = sizeof from;
        const ssize_t size = ::recvfrom(socket.get(), packet.data(), packet.size(), 0,
                                        reinterpret_cast<sockaddr*>(&from), &from_size);
        if (size < 4)
            continue;
        silent = 0;
        answered = true;
        server.sin_port = from.sin_port;
        const unsigned opcode = big_endian(packet.data());
        const unsigned number = big_endian(packet.data() + 2);
        if (opcode == 5) {
            fetched.error_code = static_cast<int>(number);
            fetched.problem.assign(reinterpret_cast<const char*>(packet.data()) + 4,
                                   static_cast<std::size_t>(size) - 4);
            return fetched;
        }
        if (opcode == 6) {
            acknowledge(0);
            continue;
        }
        if (opcode != 3)
            continue;
        if (number != ((received + 1) & 0xffff)) { // a gap, or a repetition
            if (since_ack != 0 || window == 1)
                acknowledge(received);
            since_ack = 0;
            continue;
        }
        ++received;
        fetched.data.insert(fetched.data.end(), packet.begin() + 4, packet.begin() + size);
        const bool last = static_cast<std::size_t>(size) - 4 < block_size;
        if (last || ++since_ack == window) {
            acknowledge(received);
            since_ack = 0;
        }
        if (last) {
            fetched.complete = true;
            return fetched;
        }
    }
    fetched.problem = "the server went silent";
    return fetched;
}

} // namespace bootview::test
