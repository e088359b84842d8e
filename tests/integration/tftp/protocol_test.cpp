// What the server says to requests, packet by packet.
#include "server_process.h"
#include "wire_client.h"

#include <fmt/format.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace bootview::tftp {
namespace {

using namespace std::string_literals;

class Protocol : public testing::Test {
protected:
    std::string answer_to(const std::string& name, const Options& options = {}) {
        return WireClient(server.port()).fetch(name, options);
    }

    test::TemporaryDirectory outside;
    test::TemporaryDirectory root;
    ServerProcess server{{root.path(), unhurried, "127.0.0.1:0", {}}};
};

TEST_F(Protocol, AnEdk2ClientGetsTheSizeAndThenItsWindows) {
    const auto content = random_content(1468 * 9 + 5);
    root.write("bootx64.efi", content);
    WireClient client(server.port());
    client.send_request(
        read_request("bootx64.efi", {{"tsize", "0"}, {"blksize", "1468"}, {"windowsize", "4"}}));
    auto packet = client.receive();
    EXPECT_EQ(packet.opcode, oack);
    EXPECT_EQ(packet.body, "tsize\0"s
                           "13217\0"s
                           "blksize\0"s
                           "1468\0"s
                           "windowsize\0"s
                           "4\0"s);
    client.stop_transfer(packet);
    EXPECT_TRUE(server.wait_for_log("asked for the size only"));
    EXPECT_EQ(client.fetch("bootx64.efi", {{"blksize", "1468"}, {"windowsize", "4"}}), content);
}

TEST_F(Protocol, ARepeatedRequestIsOneTransfer) {
    root.write("file", random_content(2000));
    for (const auto& options : {Options{}, Options{{"blksize", "1024"}}}) {
        WireClient client(server.port());
        const auto request = read_request("file", options);
        client.send_request(request);
        const auto first = client.receive();
        client.send_request(request);
        const auto again = client.receive();
        EXPECT_EQ(again.from, first.from) << "a second transfer was started";
        EXPECT_EQ(again.opcode, first.opcode);
        EXPECT_EQ(again.body, first.body);
    }
}

TEST_F(Protocol, AnotherRequestFromTheSamePortReplacesTheFirst) {
    root.write("first", random_content(2000));
    root.write("second", random_content(100, 2));
    WireClient client(server.port());
    client.send_request(read_request("first"));
    const auto first = client.receive();
    client.send_request(read_request("second"));
    const auto second = client.receive();
    EXPECT_NE(second.from, first.from);
    EXPECT_EQ(second.body, random_content(100, 2));
    EXPECT_TRUE(server.wait_for_log("\"first\": the client has asked for something else"));
}

TEST_F(Protocol, AClientThatTriesAgainWithoutOptionsGetsTheFile) {
    root.write("file", random_content(100));
    WireClient client(server.port());
    client.send_request(read_request("file", {{"blksize", "1024"}}));
    EXPECT_EQ(client.receive().opcode, oack);
    client.send_request(read_request("file"));
    const auto packet = client.receive();
    EXPECT_EQ(packet.opcode, data);
    EXPECT_EQ(packet.body, random_content(100));
}

TEST_F(Protocol, ARequestThatComesLateOrTwiceDoesNotEndItsTransfer) {
    const auto content = random_content(2000);
    root.write("file", content);
    for (const auto& options : {Options{}, Options{{"blksize", "512"}}}) {
        WireClient client(server.port());
        client.send_request(read_request("file", options));
        auto packet = client.receive();
        const auto from = packet.from;
        if (packet.opcode == oack) {
            client.acknowledge(packet, 0);
            packet = client.receive();
        }
        for (std::uint16_t block = 1; block <= 3; ++block) {
            client.send_request(read_request("file", options));
            client.acknowledge(packet, block);
            packet = client.receive();
            // In the plain case, DATA 1 may have been sent again.
            if (packet.number == 1)
                packet = client.receive();
            EXPECT_EQ(packet.opcode, data);
            EXPECT_EQ(packet.number, block + 1);
            EXPECT_EQ(packet.from, from) << "a second transfer was started";
        }
    }
}

TEST(ProtocolRestart, AMachineThatRestartsHalfWayGetsTheFileFromTheStart) {
    test::TemporaryDirectory root;
    const auto content = random_content(2000);
    root.write("file", content);
    ServerProcess server(
        {root.path(), {"--timeout", "0.05", "--retries", "100"}, "127.0.0.1:0", {}});
    WireClient client(server.port());
    client.send_request(read_request("file"));
    client.acknowledge(client.receive(), 1);
    auto packet = client.receive();
    EXPECT_EQ(packet.number, 2);
    for (int repeats = 0; packet.number == 2 && repeats < 1000; ++repeats) {
        client.send_request(read_request("file")); // as it does until it is answered
        packet = client.receive();
    }
    EXPECT_EQ(packet.number, 1);
    EXPECT_EQ(packet.body, content.substr(0, 512));
}

TEST_F(Protocol, LongAcknowledgementsOfWindowsClientsCount) {
    root.write("file", random_content(600));
    WireClient client(server.port());
    client.send_request(read_request("file"));
    const auto first = client.receive();
    client.send_to(first.from, "\0\4\0\1\7"s);
    EXPECT_EQ(client.receive().number, 2);
}

TEST_F(Protocol, NobodyElseCanDisturbATransfer) {
    root.write("file", random_content(600));
    WireClient client(server.port());
    client.send_request(read_request("file"));
    const auto first = client.receive();
    WireClient intruder(server.port());
    intruder.stop_transfer(first);
    intruder.acknowledge(first, 1);
    client.acknowledge(first, 1);
    EXPECT_EQ(client.receive().number, 2);
}

TEST_F(Protocol, NothingCanBeWritten) {
    WireClient client(server.port());
    client.send_request("\0\2new\0octet\0"s);
    const auto packet = client.receive();
    EXPECT_EQ(packet.opcode, error);
    EXPECT_EQ(packet.number, 2);
    EXPECT_FALSE(std::filesystem::exists(root.path() / "new"));
}

TEST_F(Protocol, ModesWeDoNotKnowAreRefused) {
    root.write("file", "text\n");
    for (const auto* mode : {"mail", "octett", ""}) {
        WireClient client(server.port());
        client.send_request(read_request("file", {}, mode));
        const auto packet = client.receive();
        EXPECT_EQ(packet.opcode, error) << mode;
        EXPECT_EQ(packet.number, 4) << mode;
    }
    WireClient client(server.port());
    client.send_request(read_request("file", {}, "OcTeT"));
    EXPECT_EQ(client.receive().body, "text\n");
}

// What netascii means, read from RFC 764 and not from the server's code.
std::string decode_netascii(const std::string& wire) {
    std::string text;
    for (std::size_t i = 0; i < wire.size(); ++i) {
        if (wire[i] != '\r') {
            EXPECT_NE(wire[i], '\n') << "a bare line feed";
            text += wire[i];
            continue;
        }
        const char next = i + 1 < wire.size() ? wire[++i] : 'x';
        EXPECT_TRUE(next == '\n' || next == '\0') << "a bare carriage return";
        text += next == '\n' ? '\n' : '\r';
    }
    return text;
}

TEST_F(Protocol, TextArrivesAsTextWhereverItsBlocksAreCut) {
    std::string text;
    std::mt19937 random(764);
    for (int i = 0; i < 300'000; ++i)
        text += "ab\r\n"[random() % 4];
    root.write("text", text);
    root.write("feeds", std::string(511, 'x') + "\n");
    for (const auto* block_size : {"8", "511", "512", "1468"})
        for (const auto* window : {"1", "16"}) {
            const auto got =
                WireClient(server.port())
                    .fetch("text", {{"blksize", block_size}, {"windowsize", window}}, "NetASCII");
            EXPECT_TRUE(decode_netascii(got) == text) << block_size << " " << window;
        }
    EXPECT_EQ(WireClient(server.port()).fetch("feeds", {}, "netascii"),
              std::string(511, 'x') + "\r\n");
}

TEST_F(Protocol, TheSizeOfTextIsWhatWillArrive) {
    root.write("text", "one\ntwo\rthree\n");
    WireClient client(server.port());
    client.send_request(read_request("text", {{"tsize", "0"}}, "netascii"));
    EXPECT_EQ(client.receive().body, "tsize\0"s
                                     "17\0"s);
}

TEST_F(Protocol, NoRequestLeavesTheRoot) {
    outside.write("secret", "secret");
    const auto neighbour = outside.path().filename().string();
    std::filesystem::create_symlink(outside.path() / "secret", root.path() / "link");
    std::filesystem::create_directory(root.path() / "sub");
    for (const auto& name :
         {"../../etc/passwd"s, "..\\..\\etc\\passwd"s, "/../" + neighbour + "/secret",
          "sub/../../" + neighbour + "/secret", "link"s, ".."s, "."s, "sub"s, "/"s, ""s})
        EXPECT_TRUE(answer_to(name).starts_with("ERROR 2: ")) << name;
    EXPECT_TRUE(answer_to("/etc/passwd").starts_with("ERROR 1: ")) << "the root is / to a client";
}

TEST_F(Protocol, FirmwareFindsFilesByTheNamesItWrites) {
    root.write("EFI/BOOT/BOOTX64.EFI", "efi");
    EXPECT_EQ(answer_to("\\EFI\\BOOT\\BOOTX64.EFI"), "efi");
    EXPECT_EQ(answer_to("//EFI//BOOT/BOOTX64.EFI\xff"), "efi");
}

TEST_F(Protocol, ErrorTextsAreFitForFirmware) {
    for (const auto& text : {answer_to("missing"), answer_to(".."), answer_to("%s%n"),
                             answer_to("missing", {{"blksize", "4"}})}) {
        EXPECT_TRUE(text.starts_with("ERROR ")) << text;
        EXPECT_LT(text.size(), 63 + 9U);
        EXPECT_EQ(text.find('%'), std::string::npos) << "GRUB takes it for a format string";
        EXPECT_EQ(text.find(root.path().string()), std::string::npos);
    }
    root.write("file", "");
    EXPECT_TRUE(answer_to("file", {{"blksize", "4"}}).starts_with("ERROR 8: "));
}

TEST_F(Protocol, GarbageDoesNotStopTheServer) {
    root.write("file", "still here");
    WireClient attacker(server.port());
    std::mt19937 random(7440);
    for (int i = 0; i < 3000; ++i) {
        std::string datagram(random() % (i % 100 == 0 ? 5000 : 60), '\0');
        for (auto& c : datagram)
            c = static_cast<char>(random() % 4 == 0 ? 0 : random());
        if (datagram.size() > 2 && random() % 4) {
            datagram[0] = 0;
            datagram[1] = static_cast<char>(random() % 8);
        }
        attacker.send_request(datagram);
        while (attacker.receive_waiting()) {
        }
    }
    EXPECT_EQ(answer_to("file"), "still here");
    EXPECT_EQ(server.stop(), 0);
}

TEST_F(Protocol, GarbageDoesNotStopATransfer) {
    const auto content = random_content(3000);
    root.write("file", content);
    WireClient client(server.port());
    client.send_request(read_request("file"));
    const auto first = client.receive();
    std::mt19937 random(7440);
    for (int i = 0; i < 100; ++i) { // not more than its socket holds
        std::string datagram(random() % 60, '\0');
        for (auto& c : datagram)
            c = static_cast<char>(random());
        if (datagram.size() > 1) // anything but ERROR and the acknowledgement of a block
            datagram[1] = static_cast<char>(random() % 2 ? 3 : 99);
        client.send_to(first.from, datagram);
    }
    client.acknowledge(first, 1);
    EXPECT_EQ(client.receive().number, 2);
}

TEST_F(Protocol, TheServerNeverAnswersAnError) {
    root.write("file", "x");
    WireClient client(server.port());
    client.send_request("\0\5\0\0nothing\0"s);
    client.send_request("\0\4\0\1"s);
    client.send_request("\0\3\0\1data"s);
    client.send_request("\0\6tsize\0"
                        "0\0"s);
    client.send_request(read_request("file"));
    EXPECT_EQ(client.receive().opcode, data) << "the first packet back answers the request";
}

TEST_F(Protocol, AFileThatIsSlowToOpenIsOpenedOnceForARepeatedRequest) {
    root.write("file", "content");
    WireClient client(server.port());
    for (int i = 0; i < 20; ++i)
        client.send_request(read_request("file", {{"tsize", "0"}}));
    const auto first = client.receive();
    client.acknowledge(first, 0);
    auto packet = client.receive();
    while (packet.opcode == oack) { // some may have come when the transfer was there already
        EXPECT_EQ(packet.from, first.from);
        packet = client.receive();
    }
    EXPECT_EQ(packet.body, "content");
    EXPECT_EQ(packet.from, first.from);
}

TEST(ProtocolNames, FirmwareMayWriteNamesAsItLikes) {
    test::TemporaryDirectory root;
    root.write("EFI/BOOT/BOOTX64.EFI", "efi");
    root.write("10000000CAFEF00D/config.txt", "pi");
    ServerProcess server({root.path(), {}, "127.0.0.1:0", {}});
    const auto whole = root.path().string();
    for (const auto& name :
         {std::string("efi\\boot\\bootx64.efi"), std::string("\\EFI\\Boot\\bootx64.efi "),
          std::string("./efi/./boot//bootx64.efi"), whole + "/EFI/BOOT/BOOTX64.EFI",
          "/" + whole + "//efi/boot/bootx64.efi"})
        EXPECT_EQ(WireClient(server.port()).fetch(name), "efi") << name;
    EXPECT_EQ(WireClient(server.port()).fetch("cafef00d/config.txt"), "pi");
    EXPECT_TRUE(WireClient(server.port()).fetch("efi/boot/missing").starts_with("ERROR 1: "));
    EXPECT_TRUE(WireClient(server.port()).fetch(whole + "/../etc/passwd").starts_with("ERROR "));
}

TEST(ProtocolNames, WithoutFoldingNamesAreWhatTheyAre) {
    test::TemporaryDirectory root;
    root.write("EFI/BOOT/BOOTX64.EFI", "efi");
    ServerProcess server({root.path(), {"--no-fold-case"}, "127.0.0.1:0", {}});
    EXPECT_EQ(WireClient(server.port()).fetch("EFI/BOOT/BOOTX64.EFI"), "efi");
    EXPECT_TRUE(WireClient(server.port()).fetch("efi/boot/bootx64.efi").starts_with("ERROR 1: "));
}

TEST(ProtocolPorts, TransfersKeepToTheirRangeOfPorts) {
    test::TemporaryDirectory root;
    const auto content = random_content(3000);
    root.write("file", content);
    // Two ports that are free now; whoever takes one in between is skipped.
    ServerProcess server(
        {root.path(), {"--port-range", "42700-42799", "--timeout", "60"}, "127.0.0.1:0", {}});
    for (int i = 0; i < 5; ++i) {
        WireClient client(server.port());
        client.send_request(read_request("file"));
        const auto packet = client.receive();
        EXPECT_GE(packet.from.port, 42700);
        EXPECT_LE(packet.from.port, 42799);
        EXPECT_EQ(WireClient(server.port()).fetch("file"), content);
    }
}

class SinglePort : public testing::Test {
protected:
    const std::string content = random_content(200'000);
    test::TemporaryDirectory root;
    std::string file = root.write("file", content);
    ServerProcess server{{root.path(), {"--single-port", "--timeout", "60"}, ":0", {}}};
};

TEST_F(SinglePort, EverythingComesFromThePortThatWasAsked) {
    for (const auto* address : {"127.0.0.1", "127.0.0.2"})
        for (const auto* window : {"1", "64"}) {
            WireClient client(server.port(), address);
            client.send_request(read_request("file", {{"windowsize", window}}));
            const auto packet = client.receive();
            EXPECT_EQ(packet.from, Endpoint::from_text(address, server.port()).value());
            client.stop_transfer(packet);
            WireClient another(server.port(), address);
            EXPECT_TRUE(another.fetch("file", {{"blksize", "1428"}, {"windowsize", window}}) ==
                        content);
        }
    EXPECT_TRUE(WireClient(server.port()).fetch("missing").starts_with("ERROR 1: "));
}

TEST_F(SinglePort, TransfersAreToldApart) {
    WireClient first(server.port()), second(server.port());
    first.send_request(read_request("file"));
    second.send_request(read_request("file"));
    auto one = first.receive();
    auto two = second.receive();
    first.acknowledge(one, 1);
    EXPECT_EQ(first.receive().number, 2);
    EXPECT_FALSE(second.receive_waiting());
    second.acknowledge(two, 1);
    EXPECT_EQ(second.receive().number, 2);
}

TEST_F(SinglePort, AnAcknowledgementOfNothingIsAnUnknownTransfer) {
    WireClient client(server.port());
    client.send_request("\0\4\0\1"s);
    const auto packet = client.receive();
    EXPECT_EQ(packet.opcode, error);
    EXPECT_EQ(packet.number, 5);
}

TEST(ProtocolLimits, OneClientCannotTakeAllPlaces) {
    test::TemporaryDirectory root;
    root.write("file", random_content(2000));
    ServerProcess server(
        {root.path(), {"--max-transfers-per-client", "2", "--timeout", "60"}, "0.0.0.0:0", {}});
    WireClient first(server.port()), second(server.port()), third(server.port());
    for (auto* client : {&first, &second}) {
        client->send_request(read_request("file"));
        client->receive();
    }
    third.send_request(read_request("file"));
    EXPECT_TRUE(server.wait_for_log("too busy (--max-transfers-per-client is reached)"));
    EXPECT_FALSE(third.receive_waiting());
}

TEST(ProtocolLimits, ClientsThatHaveGoneSilentMakeRoom) {
    test::TemporaryDirectory root;
    root.write("file", random_content(600));
    ServerProcess server({root.path(),
                          {"--max-transfers", "3", "--timeout", "0.05", "--retries", "100"},
                          "127.0.0.1:0",
                          {}});
    std::vector<std::unique_ptr<WireClient>> gone;
    for (int i = 0; i < 3; ++i) {
        gone.push_back(std::make_unique<WireClient>(server.port()));
        gone.back()->send_request(read_request("file"));
        gone.back()->receive();
        gone.back()->receive(); // repeated: now the server knows
    }
    EXPECT_EQ(WireClient(server.port()).fetch("file"), random_content(600));
    EXPECT_TRUE(server.wait_for_log("silent, made room for another client"));
}

TEST(ProtocolLimits, ClientsAreHeldOffWhenTooManyAskAndServedAfterwards) {
    test::TemporaryDirectory root;
    root.write("file", "content");
    ServerProcess server(
        {root.path(), {"--max-transfers", "2", "--timeout", "60"}, "127.0.0.1:0", {}});
    WireClient first(server.port()), second(server.port()), third(server.port());
    first.send_request(read_request("file"));
    const auto running = first.receive();
    second.send_request(read_request("file"));
    second.receive();
    third.send_request(read_request("file"));
    EXPECT_TRUE(
        server.wait_for_log("too busy (--max-transfers is reached), 2 transfers are running"));
    EXPECT_FALSE(third.receive_waiting());
    first.stop_transfer(running);
    EXPECT_TRUE(server.wait_for_log("the client ended the transfer"));
    third.send_request(read_request("file"));
    EXPECT_EQ(third.receive().body, "content");
}

TEST(ProtocolAddresses, TheAnswerComesFromTheAddressThatWasAsked) {
    test::TemporaryDirectory root;
    root.write("file", "content");
    for (const auto* listen : {"0.0.0.0:0", ":0"}) {
        ServerProcess server({root.path(), {}, listen, {}});
        for (const auto* address : {"127.0.0.1", "127.0.0.2"}) {
            WireClient client(server.port(), address);
            client.send_request(read_request("file"));
            const auto packet = client.receive();
            EXPECT_TRUE(packet.from.to_string().starts_with(address)) << packet.from.to_string();
        }
    }
}

TEST(ProtocolAddresses, Ipv6ClientsAreServed) {
    if (read_file("/proc/net/if_inet6").find(" lo\n") == std::string::npos)
        GTEST_SKIP() << "this machine has no IPv6 on loopback";
    test::TemporaryDirectory root;
    const auto content = random_content(70'000);
    root.write("file", content);
    for (const auto* listen : {"[::1]:0", ":0"}) {
        ServerProcess server({root.path(), {}, listen, {}});
        EXPECT_EQ(WireClient(server.port(), "::1").fetch("file", {{"blksize", "1428"}}), content);
    }
}

} // namespace
} // namespace bootview::tftp
