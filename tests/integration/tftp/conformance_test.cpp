// What a conformance suite tries: values at the edges of each option, requests that are broken, and
// packets that do not belong where they arrive.
#include "server_process.h"
#include "wire_client.h"

#include <gtest/gtest.h>

#include <sstream>

namespace bootview::tftp {
namespace {

using namespace std::string_literals;

class Conformance : public testing::Test {
protected:
    // The first packet: "OACK blksize 8", "DATA 1: 512", "ERROR 4".
    std::string first_answer(const std::string& datagram) {
        WireClient client(server.port());
        client.send_request(datagram);
        const auto packet = client.receive();
        if (packet.opcode == data)
            return "DATA " + std::to_string(packet.number) + ": " +
                   std::to_string(packet.body.size());
        if (packet.opcode == error)
            return "ERROR " + std::to_string(packet.number);
        if (packet.opcode != oack)
            return "opcode " + std::to_string(packet.opcode);
        std::string text = "OACK";
        std::istringstream parts(packet.body);
        for (std::string part; std::getline(parts, part, '\0');)
            text += " " + part;
        return text;
    }
    std::string answer_to(const Options& options) {
        return first_answer(read_request("file", options));
    }

    const std::string content = random_content(5000);
    test::TemporaryDirectory root;
    std::string file = root.write("file", content);
    ServerProcess server{{root.path(), unhurried, "127.0.0.1:0", {}}};
};

TEST_F(Conformance, ValuesAtTheEdgesAreAcceptedCutOrLeftOut) {
    const std::tuple<const char*, const char*, const char*> cases[] = {
        {"blksize", "7", "ERROR 8"},
        {"blksize", "8", "OACK blksize 8"},
        {"blksize", "65464", "OACK blksize 65464"},
        {"blksize", "65465", "OACK blksize 65464"},
        {"blksize", "00512", "OACK blksize 512"},
        {"blksize", "-1", "DATA 1: 512"},
        {"blksize", "1468x", "DATA 1: 512"},
        {"windowsize", "0", "DATA 1: 512"},
        {"windowsize", "1", "OACK windowsize 1"},
        {"windowsize", "65535", "OACK windowsize 64"},
        {"windowsize", "65536", "OACK windowsize 64"},
        {"timeout", "0", "DATA 1: 512"},
        {"timeout", "1", "OACK timeout 1"},
        {"timeout", "255", "OACK timeout 255"},
        {"timeout", "256", "DATA 1: 512"},
        {"tsize", "0", "OACK tsize 5000"},
        {"TSIZE", "0", "OACK TSIZE 5000"},
        {"tSiZe", "000", "OACK tSiZe 5000"},
        {"tsize", "18446744073709551616", "OACK tsize 5000"},
        {"tsize", "", "DATA 1: 512"},
        {"", "0", "DATA 1: 512"},
        {"unknown", "1", "DATA 1: 512"},
    };
    for (const auto& [name, value, answer] : cases)
        EXPECT_EQ(answer_to({{name, value}}), answer) << name << " " << value;
}

TEST_F(Conformance, OfAnOptionThatComesTwiceTheFirstCounts) {
    EXPECT_EQ(answer_to({{"blksize", "600"}, {"BLKSIZE", "700"}, {"blksize", "4"}}),
              "OACK blksize 600");
}

TEST_F(Conformance, BrokenRequestsAreRefusedOrDropped) {
    EXPECT_EQ(first_answer("\0\1file"s), "ERROR 4") << "no end of the name";
    EXPECT_EQ(first_answer("\0\1file\0octet"s), "ERROR 4") << "no end of the mode";
    EXPECT_EQ(first_answer("\0\1file\0"s), "ERROR 4") << "no mode";
    EXPECT_EQ(first_answer("\0\1"s), "ERROR 4");
    EXPECT_EQ(first_answer("\0\1\0octet\0"s), "ERROR 2") << "no name";
    EXPECT_EQ(first_answer("\0\1file\0mail\0"s), "ERROR 4");
    EXPECT_EQ(first_answer("\0\x63whatever"s), "ERROR 4");
    EXPECT_EQ(first_answer("\0\1file\0octet\0blksize"s), "DATA 1: 512") << "half an option";
    EXPECT_EQ(first_answer(read_request(std::string(1900, 'x'))), "ERROR 1");
    WireClient client(server.port());
    client.send_request(read_request(std::string(4000, 'x')));
    client.send_request("\0"s);
    client.send_request("");
    client.send_request(read_request("file"));
    EXPECT_EQ(client.receive().opcode, data) << "what is too long or too short has no answer";
}

TEST_F(Conformance, AcknowledgementsOfBlocksThatWereNeverSentChangeNothing) {
    for (const auto& options : {Options{}, Options{{"blksize", "512"}, {"windowsize", "2"}}}) {
        WireClient client(server.port());
        client.send_request(read_request("file", options));
        auto packet = client.receive();
        if (packet.opcode == oack) {
            client.acknowledge(packet, 1); // before the OACK was acknowledged
            client.acknowledge(packet, 0);
            packet = client.receive();
            EXPECT_EQ(packet.number, 1);
            EXPECT_EQ(client.receive().number, 2);
        }
        const std::uint16_t last = options.empty() ? 1 : 2;
        for (const std::uint16_t future : {7, 9, 32768, 65535})
            client.acknowledge(packet, future);
        client.acknowledge(packet, last);
        EXPECT_EQ(client.receive().number, last + 1);
    }
}

TEST_F(Conformance, AnErrorOfTheClientEndsItsTransferForGood) {
    WireClient client(server.port());
    client.send_request(read_request("file"));
    const auto packet = client.receive();
    client.send_to(packet.from, "\0\5\0\3disk full\0"s);
    EXPECT_TRUE(server.wait_for_log("the client ended the transfer: error 3 disk full"));
    client.acknowledge(packet, 1);
    client.send_request(read_request("missing"));
    EXPECT_EQ(client.receive().opcode, error) << "the next packet is of the next request";
}

TEST_F(Conformance, ARequestToThePortOfATransferChangesNothing) {
    WireClient client(server.port());
    client.send_request(read_request("file"));
    const auto packet = client.receive();
    client.send_to(packet.from, read_request("missing"));
    client.send_to(packet.from, read_request("file"));
    client.acknowledge(packet, 1);
    EXPECT_EQ(client.receive().number, 2);
}

TEST_F(Conformance, NobodyElseGetsAnythingFromThePortOfATransfer) {
    WireClient client(server.port()), other(server.port());
    client.send_request(read_request("file"));
    const auto packet = client.receive();
    other.acknowledge(packet, 1);
    other.send_to(packet.from, "\0\5\0\0stop\0"s);
    client.acknowledge(packet, 1);
    EXPECT_EQ(client.receive().number, 2);
    EXPECT_FALSE(other.receive_waiting());
}

} // namespace
} // namespace bootview::tftp
