// Who may write an image, with connections that live and die as they are told.
#include "nbdkit-plugin/writers.h"

#include "nbdkit-plugin/image_lock.h"
#include "tests/support/temporary_directory.h"

#include <atomic>
#include <future>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace bootview::plugin {
namespace {

using namespace std::chrono_literals;

// What the kernel knows of a connection, and what was done to it.
struct Wire {
    std::atomic<bool> answers{true}; // when it is asked
    std::atomic<bool> asked{false};
    std::atomic<bool> impatient{false};
    std::atomic<bool> ended{false};
    std::atomic<std::int64_t> silent_ms{60000};
};

class Link : public ClientLink {
public:
    explicit Link(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
    Life look() noexcept override {
        const bool answered = wire_->asked && wire_->answers;
        return {wire_->ended, answered ? 0ms : std::chrono::milliseconds{wire_->silent_ms}};
    }
    void ask() noexcept override { wire_->asked = true; }
    void stop_asking() noexcept override {}
    void be_impatient() noexcept override { wire_->impatient = true; }
    void end() noexcept override { wire_->ended = true; }

private:
    std::shared_ptr<Wire> wire_;
};

constexpr ring::ImageId image{1, 2};
constexpr ring::ImageId other{1, 3};

class WritersTest : public testing::Test {
protected:
    std::unique_ptr<Writers::Place> take(const std::string& client, ring::ImageId which = image,
                                         std::shared_ptr<Wire> wire = nullptr) {
        return writers.take(which, client, wire ? std::make_unique<Link>(wire) : nullptr,
                            [] { return Descriptor{}; });
    }
    // A connection whose other end is lost, but which has a request under way until it is ended.
    std::future<void> goes_when_ended(std::unique_ptr<Writers::Place> place,
                                      std::shared_ptr<Wire> wire) {
        return std::async(std::launch::async, [place = std::move(place), wire]() mutable {
            while (!wire->ended)
                std::this_thread::sleep_for(1ms);
            place.reset();
        });
    }
    Writers writers{{.leaving = 20ms,
                     .probe = 1000ms,
                     .answer = 10ms,
                     .proof = 30ms,
                     .ending = 5000ms,
                     .lost = 18000ms,
                     .probes = 50ms}};
};

TEST_F(WritersTest, TheSecondClientIsRefusedAndToldWhoHasTheImage) {
    const auto first = take("192.0.2.5");
    try {
        take("192.0.2.7");
        FAIL() << "two clients write";
    } catch (const InUse& refused) {
        EXPECT_EQ(std::string{refused.what()}.find("written by 192.0.2.5 since "), 0U);
        EXPECT_TRUE(refused.is_news);
    }
    EXPECT_NE(writers.describe(image).find("in use: written by 192.0.2.5 since "),
              std::string::npos);
    EXPECT_NO_THROW(take("192.0.2.7", other));
    EXPECT_EQ(writers.describe(other), "");
}

TEST_F(WritersTest, WhoTriesEverySecondIsNewsOnce) {
    const auto first = take("a");
    const auto is_news = [&](const std::string& client) {
        try {
            take(client);
        } catch (const InUse& refused) {
            return refused.is_news;
        }
        return false;
    };
    EXPECT_TRUE(is_news("b"));
    EXPECT_FALSE(is_news("b"));
    EXPECT_TRUE(is_news("c"));
}

TEST_F(WritersTest, TheImageIsFreeWhenTheLastConnectionHasGone) {
    auto one = take("a");
    auto two = take("a");
    one.reset();
    EXPECT_THROW(take("b"), InUse);
    two.reset();
    EXPECT_NO_THROW(take("b"));
}

TEST_F(WritersTest, AClientThatIsJustLeavingIsWaitedFor) {
    Writers patient{{.leaving = 60s}};
    auto first = patient.take(image, "a", nullptr, [] { return Descriptor{}; });
    auto second = std::async(std::launch::async, [&] {
        return patient.take(image, "b", nullptr, [] { return Descriptor{}; });
    });
    first.reset();
    EXPECT_NE(second.get(), nullptr);
}

TEST_F(WritersTest, AClientThatComesBackEndsItsConnectionsThatDoNotAnswer) {
    const auto dead = std::make_shared<Wire>();
    dead->answers = false;
    auto gone = goes_when_ended(take("a", image, dead), dead);
    EXPECT_NE(take("a"), nullptr);
    EXPECT_TRUE(dead->ended);
    gone.get();
}

TEST_F(WritersTest, ItsConnectionsThatAnswerGoOn) {
    const auto wire = std::make_shared<Wire>();
    const auto first = take("a", image, wire);
    const auto second = take("a", image, std::make_shared<Wire>());
    EXPECT_TRUE(wire->asked);
    EXPECT_FALSE(wire->ended);
}

TEST_F(WritersTest, ConnectionsThatComeTogetherDoNotWaitForEachOther) {
    const auto wire = std::make_shared<Wire>();
    wire->silent_ms = 5; // heard of a moment ago
    const auto first = take("a", image, wire);
    const auto second = take("a", image, std::make_shared<Wire>());
    EXPECT_FALSE(wire->asked);
}

TEST_F(WritersTest, NobodyIsLetInBesideARequestThatIsStillUnderWay) {
    Writers hasty{{.answer = 1ms, .proof = 5ms, .ending = 5ms}};
    const auto none = [] { return Descriptor{}; };
    const auto stuck = std::make_shared<Wire>();
    stuck->answers = false;
    auto old = hasty.take(image, "a", std::make_unique<Link>(stuck), none);
    EXPECT_THROW(hasty.take(image, "a", nullptr, none), InUse);
    EXPECT_TRUE(stuck->ended);
    old.reset();
    EXPECT_NO_THROW(hasty.take(image, "a", nullptr, none));
}

TEST_F(WritersTest, ADeadClientLosesItsPlaceOnlyWhenSomebodyWaitsForIt) {
    const auto wire = std::make_shared<Wire>();
    wire->answers = false;
    auto gone = goes_when_ended(take("a", image, wire), wire);
    EXPECT_FALSE(wire->impatient);
    std::unique_ptr<Writers::Place> second;
    while (!second) {
        try {
            second = take("b");
        } catch (const InUse&) {
            EXPECT_TRUE(wire->impatient);
        }
    }
    gone.get();
}

TEST_F(WritersTest, ALivingClientKeepsItsPlaceHoweverOftenAnotherTries) {
    const auto wire = std::make_shared<Wire>();
    wire->silent_ms = 3000;
    const auto first = take("a", image, wire);
    for (int i = 0; i < 6; ++i)
        EXPECT_THROW(take("b"), InUse);
    EXPECT_FALSE(wire->ended);
}

TEST_F(WritersTest, AnImageThatAnotherProgramHasIsRefusedToAllConnectionsOfAClient) {
    int asked = 0;
    const auto held = [&]() -> Descriptor {
        ++asked;
        throw InUse("in use by another program", true);
    };
    EXPECT_THROW(writers.take(image, "a", nullptr, held), InUse);
    EXPECT_THROW(writers.take(image, "a", nullptr, held), InUse);
    EXPECT_EQ(asked, 2);
    const auto place = take("b"); // who failed has left nothing behind
    EXPECT_NE(place, nullptr);
}

TEST_F(WritersTest, TheLockIsTakenOnceAndHeldUntilTheLastConnectionHasGone) {
    const test::TemporaryDirectory tree;
    const std::string path = tree.write("disk.img", "x").string();
    const Descriptor mine{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    const Descriptor theirs{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    const auto lock = [&] { return lock_for_writing(mine.get()).file; };
    const auto is_free = [&] {
        return lock_for_writing(theirs.get()).outcome == ImageLock::Outcome::taken;
    };
    auto one = writers.take(image, "a", nullptr, lock);
    auto two = writers.take(image, "a", nullptr, lock);
    EXPECT_FALSE(is_free());
    one.reset();
    EXPECT_FALSE(is_free());
    two.reset();
    EXPECT_TRUE(is_free());
}

TEST_F(WritersTest, AfterARestartTheImageIsKeptForItsWriterForAWhile) {
    const test::TemporaryDirectory tree;
    const std::string memory = tree / "ring.sock.writer";
    const auto none = [] { return Descriptor{}; };
    const auto enter = [&](Writers& server, const std::string& client) {
        return server.take(image, client, nullptr, none, memory);
    };
    const auto before = std::make_unique<Writers>();
    const auto place = enter(*before, "192.0.2.5"); // and the server is killed
    Writers after;
    try {
        enter(after, "192.0.2.7");
        FAIL() << "another client took the place";
    } catch (const InUse& refused) {
        EXPECT_NE(std::string{refused.what()}.find("kept for 192.0.2.5"), std::string::npos);
    }
    Writers later{{.kept = 0ms}};
    EXPECT_NE(enter(later, "192.0.2.7"), nullptr); // and left again
    Writers again;
    EXPECT_NE(enter(again, "192.0.2.8"), nullptr) << "who has left has a place kept";
}

TEST_F(WritersTest, AFileThatIsNotOursKeepsNobodyOut) {
    const test::TemporaryDirectory tree;
    for (const char* text : {"", "\n", "192.0.2.5", "\x1b[2J\n", "process 7\n"}) {
        Writers fresh;
        const std::string memory = tree.write("ring.sock.writer", text).string();
        EXPECT_NE(fresh.take(
                      image, "192.0.2.7", nullptr, [] { return Descriptor{}; }, memory),
                  nullptr);
    }
}

TEST_F(WritersTest, OfTwoServersThatComeAtTheSameMomentOneGetsTheImage) {
    const test::TemporaryDirectory tree;
    const std::string path = tree.write("disk.img", "x").string();
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> both{0};
        const auto race = [&] {
            const Descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
            ++both;
            while (both < 2)
                std::this_thread::yield();
            return lock_for_writing(file.get());
        };
        auto one = std::async(std::launch::async, race);
        auto two = std::async(std::launch::async, race);
        const ImageLock a = one.get();
        const ImageLock b = two.get();
        const int taken = (a.outcome == ImageLock::Outcome::taken ? 1 : 0) +
                          (b.outcome == ImageLock::Outcome::taken ? 1 : 0);
        EXPECT_LE(taken, 1);
    }
}

TEST_F(WritersTest, ManyThreadsOfManyClientsNeverMeet) {
    constexpr int clients = 6;
    std::atomic<int> writing[clients]{};
    std::atomic<int> wins{0};
    std::vector<std::future<void>> threads;
    Writers hasty{{.leaving = 1ms}};
    for (int thread = 0; thread < 2 * clients; ++thread)
        threads.push_back(std::async(std::launch::async, [&, client = thread / 2] {
            for (int round = 0; round < 50; ++round) {
                try {
                    const auto place = hasty.take(image, std::to_string(client), nullptr,
                                                  [] { return Descriptor{}; });
                    ++writing[client];
                    for (int i = 0; i < clients; ++i)
                        EXPECT_TRUE(i == client || writing[i] == 0);
                    ++wins;
                    --writing[client];
                } catch (const InUse&) {
                }
            }
        }));
    for (auto& thread : threads)
        thread.get();
    EXPECT_GT(wins, 0);
}

TEST(WriterRule, IsAnyOrOne) {
    EXPECT_EQ(parse_writer_rule("one"), WriterRule::one);
    EXPECT_EQ(parse_writer_rule("any"), WriterRule::any);
    EXPECT_THROW(parse_writer_rule("two"), std::invalid_argument);
}

} // namespace
} // namespace bootview::plugin
