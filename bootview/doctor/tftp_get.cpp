#include "bootview/doctor/tftp_get.h"

#include "common/descriptor.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

using Clock = std::chrono::steady_clock;

// RFC 1350 §5, RFC 2347.
enum Opcode : std::uint8_t { rrq = 1, data = 3, ack = 4, error = 5, oack = 6 };

constexpr int patience_ms = 3000; // for each packet
constexpr int attempts = 3;
constexpr std::uint32_t block_without_options = 512;
constexpr std::size_t most_content = std::size_t{1} << 30;

class Transfer {
public:
    Transfer(const Address& server, std::uint16_t port)
        : to_(socket_address(server, port)),
          socket_(::socket(to_.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const int on = 1; // so that "nobody has the port" is told without a connected socket
        ::setsockopt(socket_.get(), to_.family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
                     to_.family() == AF_INET6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
    }

    TftpResult run(const std::string& name, std::uint32_t wanted_block) {
        TftpResult result;
        using std::string_literals::operator""s;
        std::string packet = "\0\1"s + name + "\0octet\0tsize\0000\0blksize\0"s +
                             fmt::format("{}", wanted_block) + "\0"s;
        std::uint32_t block_size = block_without_options;
        std::uint16_t expected = 1;
        for (int attempt = 0; attempt < attempts;) {
            if (!send(packet)) {
                result.outcome = TftpOutcome::no_server;
                return result;
            }
            const auto answer = receive();
            if (refused_) {
                result.outcome = TftpOutcome::no_server;
                return result;
            }
            if (!answer || answer->size() < 4) {
                ++attempt;
                continue;
            }
            const auto number = number_at(*answer, 2);
            switch ((*answer)[1]) {
            case error:
                result.outcome = TftpOutcome::refused;
                result.error = number;
                result.reason = answer->substr(4, answer->find('\0', 4) - 4);
                return result;
            case oack:
                block_size = block_size_in(*answer).value_or(block_without_options);
                packet = acknowledgement(0);
                ++attempt; // a server may say it again, and not for ever
                break;
            case data:
                if (number != expected) { // again
                    ++attempt;
                } else {
                    result.content.append(*answer, 4, std::string::npos);
                    ++expected;
                    attempt = 0;
                    packet = acknowledgement(number);
                    if (result.content.size() > most_content)
                        return result;
                    if (answer->size() - 4 < block_size) {
                        send(packet);
                        result.outcome = TftpOutcome::complete;
                        return result;
                    }
                }
                break;
            default:
                ++attempt;
            }
        }
        return result;
    }

private:
    static std::uint16_t number_at(std::string_view packet, std::size_t at) {
        return static_cast<std::uint16_t>(static_cast<unsigned char>(packet[at]) << 8 |
                                          static_cast<unsigned char>(packet[at + 1]));
    }

    static std::string acknowledgement(std::uint16_t block) {
        return {'\0', ack, static_cast<char>(block >> 8), static_cast<char>(block & 0xff)};
    }

    static std::optional<std::uint32_t> block_size_in(std::string_view answer) {
        answer.remove_prefix(2);
        std::vector<std::string_view> words;
        while (!answer.empty()) {
            const auto end = answer.find('\0');
            words.push_back(answer.substr(0, end));
            answer.remove_prefix(end == std::string_view::npos ? answer.size() : end + 1);
        }
        for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
            std::uint32_t size = 0;
            const auto value = words[i + 1];
            if (words[i] == "blksize" &&
                std::from_chars(value.data(), value.data() + value.size(), size).ec == std::errc{})
                return size;
        }
        return std::nullopt;
    }

    bool send(const std::string& packet) {
        return ::sendto(socket_.get(), packet.data(), packet.size(), 0, to_.get(), to_.length) >= 0;
    }

    std::optional<std::string> receive() {
        pollfd waiting{socket_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, patience_ms) <= 0)
            return std::nullopt;
        std::string packet(65536, '\0');
        SocketAddress from;
        from.length = sizeof from.storage;
        const ssize_t n =
            ::recvfrom(socket_.get(), packet.data(), packet.size(), 0, from.get(), &from.length);
        if (n < 0) {
            refused_ = errno == ECONNREFUSED;
            return std::nullopt;
        }
        // The first answer tells the port of the transfer (RFC 1350 §4); others are not of it.
        if (has_transfer_ && std::memcmp(&from.storage, &to_.storage, from.length) != 0)
            return std::nullopt;
        has_transfer_ = true;
        to_ = from;
        packet.resize(static_cast<std::size_t>(n));
        return packet;
    }

    SocketAddress to_;
    Descriptor socket_;
    bool has_transfer_ = false;
    bool refused_ = false;
};

} // namespace

TftpResult tftp_get(const Address& server, std::uint16_t port, const std::string& name,
                    std::uint32_t block_size) {
    const auto begun = Clock::now();
    TftpResult result = Transfer{server, port}.run(name, block_size);
    result.time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
    return result;
}

} // namespace bootview::doctor
