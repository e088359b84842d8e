// Both ends of the socket: sender.h and listener.h.
#include "events/listener.h"
#include "events/sender.h"
#include "tests/support/temporary_directory.h"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

namespace bootview::events {
namespace {

struct Heard {
    std::vector<std::uint64_t> ids;
    int parts_gone = 0;
};

std::unique_ptr<Listener> listen(const std::string& path, Heard& heard) {
    return std::make_unique<Listener>(
        path, Listener::Handlers{[&heard](std::uint64_t, const Event& event) {
                                     heard.ids.push_back(std::get<Transfer>(event).id);
                                 },
                                 [&heard](std::uint64_t) { ++heard.parts_gone; }});
}

void take_in(Listener& listener, const std::function<bool()>& enough) {
    for (int i = 0; i < 1000 && !enough(); ++i) {
        pollfd wait{listener.fd(), POLLIN, 0};
        if (::poll(&wait, 1, 10) == 1)
            listener.handle();
    }
}

TEST(Sender, IsHeardInOrderAndItsEndToo) {
    const test::TemporaryDirectory directory;
    Heard heard;
    const auto listener = listen(directory / "events", heard);
    {
        Sender sender{directory / "events"};
        for (std::uint64_t id = 1; id <= 50; ++id)
            sender.send(Transfer{.id = id});
        take_in(*listener, [&] { return heard.ids.size() == 50; });
        EXPECT_EQ(sender.lost(), 0U);
    }
    take_in(*listener, [&] { return heard.parts_gone == 1; });
    ASSERT_EQ(heard.ids.size(), 50U);
    EXPECT_EQ(heard.ids.front(), 1U);
    EXPECT_EQ(heard.ids.back(), 50U);
    EXPECT_EQ(heard.parts_gone, 1);
}

// A request of a client must never wait for somebody who only listens.
TEST(Sender, DoesNotWaitForAListenerThatDoesNotListen) {
    const test::TemporaryDirectory directory;
    Heard heard;
    const auto listener = listen(directory / "events", heard);
    Sender sender{directory / "events"};
    for (std::uint64_t id = 1; id <= 20'000; ++id)
        sender.send(Transfer{.id = id});
    EXPECT_GT(sender.lost(), 0U);
    const auto expected = 20'000 - sender.lost();
    take_in(*listener, [&] { return heard.ids.size() == expected; });
    EXPECT_EQ(heard.ids.size(), expected);
    // Nor does it leave, which would mean that its clients are gone.
    take_in(*listener, [tries = 0]() mutable { return ++tries > 20; });
    EXPECT_EQ(heard.parts_gone, 0);
}

TEST(Sender, FindsAListenerThatComesLaterOrComesBack) {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "events";
    Sender sender{path};
    sender.send(Transfer{.id = 1}); // nobody there
    EXPECT_EQ(sender.lost(), 1U);
    for (int life = 0; life < 2; ++life) {
        Heard heard;
        const auto listener = listen(path, heard);
        for (int i = 0; i < 200 && heard.ids.empty(); ++i) {
            sender.send(Transfer{.id = 2});
            take_in(*listener,
                    [&, tries = 0]() mutable { return !heard.ids.empty() || ++tries > 5; });
        }
        EXPECT_FALSE(heard.ids.empty()) << "life " << life;
    }
}

TEST(Listener, TakesNoSocketFromAnotherButOneThatIsLeftOver) {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "events";
    Heard heard;
    {
        const auto first = listen(path, heard);
        EXPECT_THROW(listen(path, heard), std::runtime_error);
        ASSERT_EQ(::rename(path.c_str(), (path + ".kept").c_str()), 0);
    }
    ASSERT_EQ(::rename((path + ".kept").c_str(), path.c_str()), 0);
    EXPECT_NO_THROW(listen(path, heard));
}

} // namespace
} // namespace bootview::events
