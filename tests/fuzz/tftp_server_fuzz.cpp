// Whole conversations with the real server: its sockets, its threads, its files.
//
// Input: which of two servers (a port for each transfer, or one for all); then what up to eight
// clients do, a byte for the client and the deed, and what the deed needs. Whatever they do, all
// DATA is of a file, no answer is larger than it may be, and a client that follows the rules gets
// its file at the end.
//
// The servers run on threads of their own from the first input to the last, as they would for a
// hostile network: so what an input reaches depends a little on those before it.
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input.h"
#include "tests/support/temporary_directory.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace bootview;
using namespace bootview::fuzz;
using namespace std::string_literals;

namespace {

constexpr unsigned most_deeds = 200;
constexpr std::size_t largest_block = 65'464;

// Each file is made of one letter, so that every block tells where it is from.
struct File {
    const char* name;
    std::size_t size;
    char letter;
};
constexpr std::array files{File{"empty", 0, 'e'}, File{"short", 511, 's'}, File{"block", 512, 'b'},
                           File{"more", 40'000, 'm'}, File{"dir/chunks", 300'000, 'c'}};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

Descriptor bound_socket() {
    Descriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto address = loopback(0);
    require(fd && bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
            "a socket can be had");
    return fd;
}

std::uint16_t port_of(const Descriptor& fd) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
}

class RunningServer {
public:
    RunningServer(const std::string& root, bool single_port) {
        auto listener = bound_socket();
        port_ = port_of(listener);
        tftp::ServerSettings settings;
        settings.root = root;
        settings.inherited.push_back(std::move(listener));
        settings.single_port = single_port;
        settings.timeout = std::chrono::milliseconds(20); // what is left behind goes away soon
        settings.retries = 1;
        settings.max_transfers = 64;
        settings.max_transfers_per_client = 60;
        thread_ = std::thread([this, &settings] {
            tftp::Server server(std::move(settings));
            ready_.store(true);
            ready_.notify_one();
            server.run();
        });
        ready_.wait(false);
    }
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;
    ~RunningServer() {
        pthread_kill(thread_.native_handle(), SIGTERM); // which it has blocked, and waits for
        thread_.join();
    }
    std::uint16_t port() const { return port_; }

private:
    std::uint16_t port_ = 0;
    std::atomic<bool> ready_ = false;
    std::thread thread_;
};

struct Servers {
    test::TemporaryDirectory root;
    std::unique_ptr<RunningServer> many_ports, one_port;

    Servers() {
        tftp::log::set_level(tftp::log::Level::error);
        for (const auto& file : files)
            root.write(file.name, std::string(file.size, file.letter));
        many_ports = std::make_unique<RunningServer>(root.path(), false);
        one_port = std::make_unique<RunningServer>(root.path(), true);
    }
};

const Servers& servers() {
    static const Servers all;
    return all;
}

class Client {
public:
    explicit Client(std::uint16_t server) : server_(server), partner_(server) {}

    void to_server(std::string_view datagram) const { send(server_, datagram); }
    void to_partner(std::string_view datagram) const { send(partner_, datagram); }
    void acknowledge(std::uint16_t block) const {
        const char bytes[] = {0, 4, static_cast<char>(block >> 8), static_cast<char>(block)};
        to_partner({bytes, sizeof bytes});
    }
    // All there is; waits for the first a little.
    void receive(int wait_ms) {
        while (receive_one(wait_ms))
            wait_ms = 0;
    }
    bool receive_one(int wait_ms) {
        pollfd waiting{fd_.get(), POLLIN, 0};
        if (poll(&waiting, 1, wait_ms) <= 0)
            return false;
        static std::array<char, largest_block + 64> buffer;
        sockaddr_in from{};
        socklen_t length = sizeof from;
        const auto size = recvfrom(fd_.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &length);
        if (size < 0)
            return false;
        partner_ = ntohs(from.sin_port);
        check({buffer.data(), static_cast<std::size_t>(size)});
        return true;
    }
    std::uint16_t last_block() const { return block_; }
    const std::string& last_body() const { return body_; } // of DATA
    bool has_data() const { return has_data_; }

private:
    void send(std::uint16_t port, std::string_view datagram) const {
        const auto to = loopback(port);
        sendto(fd_.get(), datagram.data(), datagram.size(), 0,
               reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    void check(std::string_view datagram) {
        require(datagram.size() >= 4 && datagram[0] == 0, "an answer is a TFTP packet");
        const auto opcode = datagram[1];
        require(opcode == 3 || opcode == 5 || opcode == 6, "a server sends DATA, ERROR and OACK");
        has_data_ = opcode == 3;
        if (!has_data_) {
            require(datagram.size() <= 512, "ERROR and OACK are short");
            require(datagram.back() == '\0', "ERROR and OACK end with a zero");
            block_ = 0;
            return;
        }
        block_ = static_cast<std::uint16_t>(static_cast<unsigned char>(datagram[2]) << 8 |
                                            static_cast<unsigned char>(datagram[3]));
        body_ = datagram.substr(4);
        require(body_.size() <= largest_block, "a block is no larger than RFC 2348 has it");
        require(body_.find_first_not_of(body_.substr(0, 1)) == std::string::npos,
                "a block is of one file");
        require(body_.empty() || std::any_of(files.begin(), files.end(),
                                             [&](const File& f) { return f.letter == body_[0]; }),
                "a block is of a file that is served");
    }

    const Descriptor fd_ = bound_socket();
    const std::uint16_t server_;
    std::uint16_t partner_; // port of the last answer
    std::uint16_t block_ = 0;
    std::string body_;
    bool has_data_ = false;
};

std::string request_of(Input& input) {
    const unsigned what = input.u8();
    std::string request = "\0\1"s;
    request += files[what % files.size()].name;
    request += '\0';
    request += what & 0x80 ? "netascii"s : "octet"s;
    request += '\0';
    const unsigned options = input.u8();
    const auto option = [&](const char* name, std::uint64_t value) {
        request += name + "\0"s + std::to_string(value) + '\0';
    };
    if (options & 1)
        option("blksize", input.u16());
    if (options & 2)
        option("windowsize", input.u8());
    if (options & 4)
        option("tsize", 0);
    if (options & 8)
        option("utimeout", 10'000);
    if (options & 16)
        option("rollover", input.u8() % 3);
    if (options & 32)
        option("blksize2", input.u16());
    return request;
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void act(Client& client, unsigned deed, Input& input) {
    switch (deed) {
    case 0:
        return client.to_server(text_of(input.bytes(input.u8())));
    case 1:
        return client.to_partner(text_of(input.bytes(input.u8())));
    case 2:
        return client.to_server(request_of(input));
    case 3:
        return client.receive(1);
    case 4:
        return client.acknowledge(client.last_block());
    case 5:
        return client.acknowledge(
            static_cast<std::uint16_t>(client.last_block() + input.u8() - 128));
    case 6: // to the port for requests, where a transfer of its own has no business
        return client.to_server("\0\4\0\1"s);
    default: // follows the rules for a while
        for (unsigned i = input.u8() % 32; i > 0 && client.receive_one(2); --i)
            client.acknowledge(client.last_block());
    }
}

// In lock-step, and as patient as a client on a busy machine has to be.
void fetch_by_the_rules(std::uint16_t port) {
    for (int attempt = 0; attempt < 500; ++attempt) {
        Client client(port);
        client.to_server("\0\1short\0octet\0"s);
        if (!client.receive_one(20) || !client.has_data())
            continue; // too busy with those before
        require(client.last_block() == 1 && client.last_body() == std::string(511, 's'),
                "who follows the rules gets the file");
        return client.acknowledge(1);
    }
    require(false, "who follows the rules is served");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const auto port = input.u8() & 1 ? servers().one_port->port() : servers().many_ports->port();
    std::vector<std::unique_ptr<Client>> clients(8);
    for (unsigned i = 0; i < most_deeds && !input.empty(); ++i) {
        const unsigned what = input.u8();
        auto& client = clients[what >> 5];
        if (!client)
            client = std::make_unique<Client>(port);
        act(*client, what & 7, input);
    }
    for (const auto& client : clients)
        if (client)
            client->receive(0);
    fetch_by_the_rules(port);
    return 0;
}
