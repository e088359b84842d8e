// A TFTP client that does exactly what a test says, packet by packet.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/tftp/endpoint.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bootview::tftp {

using Options = std::vector<std::pair<std::string, std::string>>;

std::string read_request(const std::string& name, const Options& options = {},
                         const std::string& mode = "octet");

// Opcodes (RFC 1350 §5, RFC 2347), as numbers: the server's own names for them are under test.
inline constexpr int data = 3;
inline constexpr int error = 5;
inline constexpr int oack = 6;

struct Packet {
    std::uint16_t opcode = 0;
    std::uint16_t number = 0; // block or error code; meaningless in an OACK
    std::string body;         // behind the number; in an OACK behind the opcode
    Endpoint from;
};

class WireClient {
public:
    // `server`: where requests go.
    explicit WireClient(std::uint16_t server_port, const std::string& server_address = "127.0.0.1");

    void send_request(std::string_view datagram); // to the server's own port
    void send_to(const Endpoint& to, std::string_view datagram);
    void acknowledge(const Packet& packet, std::uint16_t block);
    void stop_transfer(const Packet& packet); // by an ERROR 0

    // The next packet; throws if none comes within 20 seconds, which only a broken server lets
    // happen.
    Packet receive();
    // The next one that waits already.
    std::optional<Packet> receive_waiting();

    // Fetches a file, block by block, with `window` blocks per acknowledgement. Repeats what is
    // lost. Ends with what the server says: the content, or the ERROR as "ERROR 1: text".
    std::string fetch(const std::string& name, const Options& options = {},
                      const std::string& mode = "octet");

private:
    std::optional<Packet> receive_within(int milliseconds);

    Endpoint server_;
    Descriptor fd_;
};

} // namespace bootview::tftp
