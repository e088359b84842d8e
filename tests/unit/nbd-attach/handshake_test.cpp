// The handshake against scripted servers: good ones of each kind, and those that no one would write
// on purpose. tests/integration/initramfs has the real ones.
#include "initramfs-hooks/nbd-attach/handshake.h"

#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace bootview::nbd {
namespace {

using namespace std::string_literals;
using State = Handshake::State;

std::string number(std::uint64_t value, unsigned width) {
    std::string bytes;
    for (unsigned shift = width * 8; shift != 0; shift -= 8)
        bytes += static_cast<char>(value >> (shift - 8));
    return bytes;
}

constexpr std::uint32_t go = 7, list = 3, starttls = 5;
constexpr std::uint32_t ack = 1, server = 2, info = 3;
constexpr std::uint32_t unsupported = 0x80000001, tls_required = 0x80000005, unknown = 0x80000006;

const std::string newstyle = "NBDMAGICIHAVEOPT";

std::string reply(std::uint32_t option, std::uint32_t type, const std::string& data = "") {
    return number(0x3e889045565a9, 8) + number(option, 4) + number(type, 4) +
           number(data.size(), 4) + data;
}
std::string export_info(std::uint64_t size, std::uint16_t flags) {
    return reply(go, info, number(0, 2) + number(size, 8) + number(flags, 2));
}
std::string block_size_info(std::uint32_t least) {
    return reply(go, info, number(3, 2) + number(least, 4) + number(4096, 4) + number(1U << 25, 4));
}

std::string text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lets the server say `words` and then hang up. What the client sent is in `sent`; what it did not
// want stays in `left`.
struct Conversation {
    Conversation(Handshake& handshake, std::string words) : left(std::move(words)) {
        while (handshake.state() == State::talking) {
            sent += text(handshake.to_send());
            handshake.sent();
            const auto wanted = handshake.wanted();
            EXPECT_GT(wanted, 0U);
            EXPECT_LE(wanted, 256U);
            if (left.size() < wanted) {
                handshake.closed();
                break;
            }
            handshake.receive(std::as_bytes(std::span(left.data(), wanted)));
            left.erase(0, wanted);
        }
        sent += text(handshake.to_send());
    }
    std::string sent, left;
};

std::string failure_of(const std::string& words, const char* name = "disk") {
    Handshake handshake(name);
    const Conversation conversation(handshake, words);
    EXPECT_EQ(handshake.state(), State::failed);
    return std::string(handshake.failure());
}

void expect_says(const std::string& failure, const char* words) {
    EXPECT_NE(failure.find(words), std::string::npos) << failure;
}

TEST(Handshake, AnExportIsAskedForAndItsSizeAndFlagsAreTaken) {
    Handshake handshake("disk");
    const Conversation with(handshake, newstyle + number(3, 2) + block_size_info(4096) +
                                           export_info(0x123456789a00, 0x0105) + reply(go, ack) +
                                           "what the kernel will read");
    ASSERT_EQ(handshake.state(), State::done);
    EXPECT_EQ(handshake.result().size, 0x123456789a00U);
    EXPECT_EQ(handshake.result().flags, 0x0105);
    EXPECT_EQ(handshake.result().minimum_block, 4096U);
    EXPECT_EQ(with.sent, "\0\0\0\3IHAVEOPT\0\0\0\7\0\0\0\x0c\0\0\0\4disk\0\1\0\3"s);
    EXPECT_EQ(with.left, "what the kernel will read");
}

TEST(Handshake, WhatElseTheServerTellsOfTheExportIsPassedOver) {
    Handshake handshake("");
    const Conversation with(handshake,
                            newstyle + number(3, 2) + reply(go, info, number(1, 2) + "its name") +
                                reply(go, info, number(99, 2) + std::string(60000, 'x')) +
                                export_info(512, 1) + reply(go, info) + reply(go, ack));
    ASSERT_EQ(handshake.state(), State::done);
    EXPECT_EQ(handshake.result().size, 512U);
    EXPECT_EQ(handshake.result().minimum_block, 1U);
    EXPECT_EQ(with.left, "");
}

TEST(Handshake, AServerWithoutGoIsAskedByName) {
    Handshake handshake("disk");
    const Conversation with(handshake, newstyle + number(3, 2) + reply(go, unsupported, "what?") +
                                           number(1024, 8) + number(1, 2));
    ASSERT_EQ(handshake.state(), State::done);
    EXPECT_EQ(handshake.result().size, 1024U);
    EXPECT_TRUE(with.sent.ends_with("IHAVEOPT\0\0\0\1\0\0\0\4disk"s));
}

TEST(Handshake, ANewstyleServerThatIsNotFixedIsAskedByNameAndSendsItsZeroes) {
    Handshake handshake("disk");
    const Conversation with(handshake, newstyle + number(0, 2) + number(1024, 8) + number(3, 2) +
                                           std::string(124, '\0') + "kernel");
    ASSERT_EQ(handshake.state(), State::done);
    EXPECT_EQ(handshake.result().flags, 3);
    EXPECT_EQ(with.sent, "\0\0\0\0IHAVEOPT\0\0\0\1\0\0\0\4disk"s);
    EXPECT_EQ(with.left, "kernel");
}

TEST(Handshake, WhatIsNoNewstyleServerIsCalledByItsName) {
    expect_says(failure_of("NBDMAGIC"s + number(0x420281861253, 8) + std::string(200, '\0')),
                "oldstyle");
    expect_says(failure_of("NBDMAGIC12345678"), "neither newstyle nor oldstyle");
    expect_says(failure_of("SSH-2.0-OpenSSH_9.2p1 Debian"), "no NBD server");
}

TEST(Handshake, ARefusalIsExplainedWithTheServersWords) {
    const auto greeting = newstyle + number(3, 2);
    expect_says(failure_of(greeting + reply(go, unknown, "not\x1b[2J here\n")), "no export 'disk'");
    expect_says(failure_of(greeting + reply(go, unknown, "not\x1b[2J here\n")), "not?[2J here?");
    expect_says(failure_of(greeting + reply(go, unknown, std::string(9999, 'x'))), "no export");
    expect_says(failure_of(greeting + reply(go, tls_required)), "wants TLS");
    expect_says(failure_of(greeting + reply(go, 0x80000007)), "shutting down");
    expect_says(failure_of(greeting + reply(go, 0x80001234)), "NBD error 4660");
}

std::string listed(const std::string& name, const std::string& description = "") {
    return reply(list, server, number(name.size(), 4) + name + description);
}

TEST(Handshake, AnExportThatIsInUseIsSaidToBeAndByWhom) {
    const auto refused = newstyle + number(3, 2) + reply(go, unknown, "export not found");
    const auto busy = "in use: written by 192.0.2.5 since 12:03:05"s;
    expect_says(failure_of(refused + listed("a") + listed("disk", busy) + reply(list, ack)),
                "does not give export 'disk' now: in use: written by 192.0.2.5 since 12:03:05");
    // One that has no name, and is given by every name.
    expect_says(failure_of(refused + listed("", busy) + reply(list, ack)), "by 192.0.2.5 since");
    // The server may be cut off in the middle of it.
    expect_says(failure_of(refused + listed("disk", busy + "\n\x1b[2J")), "12:03:05??[2J");
}

TEST(Handshake, AListThatDoesNotHelpChangesNothing) {
    const auto refused = newstyle + number(3, 2) + reply(go, unknown);
    expect_says(failure_of(refused + reply(list, 0x80000002)), "no export 'disk'");
    expect_says(failure_of(refused + reply(list, unsupported, "what?")), "no export 'disk'");
    expect_says(failure_of(refused + listed("other", "in use") + reply(list, ack)),
                "no export 'disk'");
    expect_says(failure_of(refused + listed("", "in use") + listed("b") + reply(list, ack)),
                "no export 'disk'");
    expect_says(failure_of(refused + listed("disk") + reply(list, ack)), "no export 'disk'");
    expect_says(failure_of(refused + reply(list, server, number(99, 4) + "disk")),
                "no export 'disk'");
    expect_says(failure_of(refused + reply(list, server, "xx") + reply(go, ack)),
                "no export 'disk'");
    auto endless = refused;
    for (int i = 0; i < 5000; ++i)
        endless += listed("other");
    expect_says(failure_of(endless), "no export 'disk'");
}

TEST(Handshake, AServerThatDoesNotKeepToTheProtocolIsLeft) {
    const auto greeting = newstyle + number(3, 2);
    expect_says(failure_of(greeting + std::string(20, 'x')), "does not keep to the NBD protocol");
    expect_says(failure_of(greeting + reply(starttls, ack)), "does not keep to the NBD protocol");
    expect_says(failure_of(greeting + reply(go, ack)), "without a word about its size");
    auto endless =
        number(0x3e889045565a9, 8) + number(go, 4) + number(info, 4) + number(0xffffffff, 4);
    expect_says(failure_of(greeting + endless), "does not keep to the NBD protocol");
    auto chatter = greeting;
    for (int i = 0; i < 100; ++i)
        chatter += block_size_info(512);
    expect_says(failure_of(chatter), "does not keep to the NBD protocol");
}

TEST(Handshake, AServerThatHangsUpAnywhereIsAnErrorNeverAnExport) {
    const auto all =
        newstyle + number(3, 2) + block_size_info(4096) + export_info(1 << 20, 1) + reply(go, ack);
    for (std::size_t length = 0; length < all.size(); ++length)
        expect_says(failure_of(all.substr(0, length)), "hangs up");
    expect_says(failure_of(""), "let this machine in");
    expect_says(failure_of(newstyle + number(0, 2)), "no export 'disk'");
}

TEST(Handshake, TlsIsStartedBeforeAnythingElseIsSaid) {
    Handshake handshake("disk", true);
    const Conversation before(handshake, newstyle + number(3, 2) + reply(starttls, ack));
    ASSERT_EQ(handshake.state(), State::starting_tls);
    EXPECT_EQ(before.sent, "\0\0\0\3IHAVEOPT\0\0\0\5\0\0\0\0"s);
    EXPECT_EQ(handshake.wanted(), 0U);
    handshake.tls_started();
    const Conversation after(handshake, export_info(512, 1) + reply(go, ack));
    EXPECT_EQ(handshake.state(), State::done);
}

TEST(Handshake, AServerThatCanNotDoTlsIsNotTalkedToInTheClear) {
    for (const auto& words :
         {newstyle + number(3, 2) + reply(starttls, unsupported), newstyle + number(0, 2)}) {
        Handshake handshake("disk", true);
        const Conversation with(handshake, words);
        EXPECT_EQ(handshake.state(), State::failed);
        EXPECT_EQ(with.sent.find("disk"), std::string::npos);
    }
}

TEST(Handshake, TheLongestNameFitsAndOneThatIsLongerIsRefused) {
    const std::string longest(4096, 'x');
    Handshake handshake(longest);
    const Conversation with(handshake, newstyle + number(3, 2) + reply(go, unsupported) +
                                           number(512, 8) + number(1, 2));
    EXPECT_EQ(handshake.state(), State::done);
    const std::string longer(4097, 'x');
    EXPECT_EQ(Handshake(longer).state(), State::failed);
}

// Bytes that are partly right, from a server with a grudge.
TEST(Handshake, AnyBytesEndIt) {
    std::mt19937 random(1);
    const auto good =
        newstyle + number(3, 2) + block_size_info(4096) + export_info(1 << 20, 1) + reply(go, ack);
    for (int round = 0; round < 20000; ++round) {
        auto words = good + std::string(100, 'x');
        for (auto changes = random() % 4; changes-- != 0;)
            words[random() % words.size()] = static_cast<char>(random());
        Handshake handshake("disk", random() % 2 == 0);
        const Conversation with(handshake, words);
        ASSERT_NE(handshake.state(), State::talking);
    }
}

} // namespace
} // namespace bootview::nbd
