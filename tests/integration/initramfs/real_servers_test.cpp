// The handshake with real servers: what it takes for an export is what libnbd takes for it, and
// what can't be had is said so that somebody in front of a console knows what to do.
#include "initramfs-hooks/nbd-attach/server.h"

#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libnbd.h>
#include <sys/socket.h>

namespace bootview::nbd {
namespace {

using namespace std::chrono_literals;

// A socket on a free port of the loopback address.
Descriptor listener(std::uint16_t& port) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket.get(), 8), 0);
    getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return socket;
}

class Nbdkit {
public:
    explicit Nbdkit(std::vector<std::string> arguments) {
        // Socket activation: the port is ours from the beginning, and nobody can take it.
        auto socket = listener(port);
        std::vector<std::string> command{
            "sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec nbdkit -f \"$@\"", "nbdkit"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        if (socket.get() == 3) {
            Descriptor other(dup(3)); // dup2 would leave close-on-exec set
            socket = std::move(other);
        }
        dup2(socket.get(), 3);
        child_ = test::ChildProcess(command, {{}, scratch_.path().string() + "/log"});
        close(3);
    }
    std::uint16_t port = 0;
    std::string uri(const std::string& name) const {
        return "nbd://127.0.0.1:" + std::to_string(port) + "/" + name;
    }

private:
    test::TemporaryDirectory scratch_;
    test::ChildProcess child_;
};

struct Attempt {
    Attempt(std::uint16_t port, const char* name, unsigned patience = 30) {
        Server server;
        EXPECT_TRUE(server.set("127.0.0.1", port));
        connection = connect_to(server, name, patience, found, failure);
    }
    void expect_failure(const char* words) const {
        EXPECT_FALSE(connection);
        EXPECT_NE(failure.view().find(words), std::string_view::npos) << failure.view();
        EXPECT_TRUE(failure.view().starts_with("127.0.0.1 port ")) << failure.view();
    }
    Export found;
    Text failure;
    Descriptor connection;
};

// Ours, and what libnbd says of the same export.
void compare(const std::vector<std::string>& arguments, const char* name = "") {
    std::string command;
    for (const auto& argument : arguments)
        command += argument + " ";
    SCOPED_TRACE(command);
    const Nbdkit server(arguments);
    const Attempt ours(server.port, name);
    ASSERT_TRUE(ours.connection) << ours.failure.view();
    auto* theirs = nbd_create();
    ASSERT_EQ(nbd_connect_uri(theirs, server.uri(name).c_str()), 0) << nbd_get_error();
    EXPECT_EQ(ours.found.size, static_cast<std::uint64_t>(nbd_get_size(theirs)));
    const auto flag = [&](unsigned bit) { return static_cast<int>(ours.found.flags >> bit & 1); };
    EXPECT_EQ(flag(1), nbd_is_read_only(theirs)); // doc/proto.md, "Transmission flags"
    EXPECT_EQ(flag(2), nbd_can_flush(theirs));
    EXPECT_EQ(flag(3), nbd_can_fua(theirs));
    EXPECT_EQ(flag(4), nbd_is_rotational(theirs));
    EXPECT_EQ(flag(5), nbd_can_trim(theirs));
    EXPECT_EQ(flag(8), nbd_can_multi_conn(theirs));
    const auto least = nbd_get_block_size(theirs, LIBNBD_SIZE_MINIMUM);
    if (least > 0) {
        EXPECT_EQ(ours.found.minimum_block, static_cast<std::uint32_t>(least));
    }
    nbd_close(theirs);
}

TEST(RealServers, AnExportIsWhatLibnbdTakesItFor) {
    compare({"memory", "1G"});
    compare({"-r", "memory", "1G"});
    compare({"memory", "513"});
    compare({"pattern", "7E"});
    compare({"null", "0"});
    compare({"--filter=blocksize-policy", "memory", "64M", "blocksize-minimum=4096",
             "blocksize-preferred=4096"});
    compare({"--filter=nozero", "--filter=fua", "--filter=multi-conn", "memory", "1M",
             "fuamode=discard", "multi-conn-mode=disable"});
    compare({"--mask-handshake=0", "memory", "1G"}); // newstyle, not fixed
    compare({"--mask-handshake=1", "memory", "1G"}); // 124 zeroes
}

TEST(RealServers, TheExportIsTheOneThatWasNamed) {
    const test::TemporaryDirectory images;
    std::ofstream(images.path().string() + "/small disk.img") << std::string(4096, 'x');
    std::ofstream(images.path().string() + "/large.img") << std::string(8192, 'x');
    const Nbdkit server({"file", "dir=" + images.path().string()});
    EXPECT_EQ(Attempt(server.port, "small disk.img").found.size, 4096U);
    EXPECT_EQ(Attempt(server.port, "large.img").found.size, 8192U);
    Attempt(server.port, "none.img").expect_failure("none.img");
}

TEST(RealServers, ExportsThatAreMissingAreNamed) {
    const Nbdkit server(
        {"--filter=exportname", "memory", "1M", "exportname=disk", "exportname-strict=true"});
    EXPECT_TRUE(Attempt(server.port, "disk").connection);
    Attempt(server.port, "disc").expect_failure("no export 'disc'");
}

// Another machine, by its address, that has an export open. Null: it was refused.
nbd_handle* open_from(const char* address, std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    inet_pton(AF_INET, address, &name.sin_addr);
    EXPECT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    name.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
    EXPECT_EQ(connect(socket, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    auto* handle = nbd_create();
    nbd_set_export_name(handle, "disk.img");
    if (nbd_connect_socket(handle, socket) == 0)
        return handle;
    nbd_close(handle);
    return nullptr;
}

TEST(RealServers, AnImageThatAnotherMachineWritesIsSaidToBeAndByWhom) {
    if (std::string_view(SANITIZE) != "")
        GTEST_SKIP() << "nbdkit does not load a sanitized plugin by itself";
    const test::TemporaryDirectory images;
    const auto image = images.write("disk.img", std::string(4096, 'x')).string();
    for (const std::string& source : {"file=" + image, "dir=" + images.path().string()}) {
        const Nbdkit server({PLUGIN, source, "notify=none", "writers=one"});
        auto* other = open_from("127.0.0.9", server.port);
        // By the name that the image has in TFTP's paths; of a single image any name is good.
        Attempt(server.port, "disk.img").expect_failure("in use: written by 127.0.0.9 since ");
        ASSERT_NE(other, nullptr);
        nbd_close(other);
        EXPECT_TRUE(Attempt(server.port, "disk.img").connection);
    }
}

TEST(RealServers, AnOldstyleServerIsCalledSo) {
    const Nbdkit server({"-o", "memory", "1M"});
    Attempt(server.port, "").expect_failure("oldstyle");
}

TEST(RealServers, AServerThatWantsTlsIsCalledSo) {
    const test::TemporaryDirectory keys;
    std::ofstream(keys.path().string() + "/psk") << "user:0123456789abcdef0123456789abcdef\n";
    const Nbdkit server(
        {"--tls=require", "--tls-psk=" + keys.path().string() + "/psk", "memory", "1M"});
    Attempt(server.port, "").expect_failure("wants TLS");
}

// Says `words`, hangs up if it is to, and is silent otherwise.
void serve_once(const Descriptor& socket, std::string_view words, bool hang_up, std::uint16_t port,
                const char* expected) {
    std::thread server([&] {
        const Descriptor client(accept(socket.get(), nullptr, nullptr));
        EXPECT_EQ(send(client.get(), words.data(), words.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(words.size()));
        char byte;
        // Until the other side gives up; or only until all that it says first has come.
        while (!hang_up && recv(client.get(), &byte, 1, 0) > 0) {
        }
    });
    Attempt(port, "disk", hang_up ? 60 : 1).expect_failure(expected);
    server.join();
}

TEST(RealServers, AServerThatStopsHalfWayIsLeft) {
    std::uint16_t port = 0;
    const auto socket = listener(port);
    using namespace std::string_view_literals;
    serve_once(socket, ""sv, true, port, "let this machine in");
    serve_once(socket, "NBDMAGICIHAVEOPT\0\3"sv, true, port, "hangs up");
    serve_once(socket, "NBDMAGICIHAVEOPT\0\3\0\3\xe8\x89"sv, true, port, "hangs up");
    serve_once(socket, "NBDMAGICIHAVEOPT\0\3"sv, false, port, "timed out");
}

TEST(RealServers, NobodyThereIsTheSystemsOwnWord) {
    std::uint16_t port = 0;
    { const auto socket = listener(port); }
    Attempt(port, "").expect_failure("Connection refused");
}

TEST(RealServers, AddressesAreOnlyAddresses) {
    Server server;
    EXPECT_TRUE(server.set("192.168.0.2", 10809));
    EXPECT_TRUE(server.set("fd00::2", 10809));
    EXPECT_TRUE(server.set("fe80::1%lo", 10809));
    EXPECT_FALSE(server.set("bootserver", 10809));
    EXPECT_FALSE(server.set("[fd00::2]", 10809));
    EXPECT_FALSE(server.set("", 10809));
    EXPECT_FALSE(server.set(std::string(500, '1').c_str(), 10809));
}

} // namespace
} // namespace bootview::nbd
