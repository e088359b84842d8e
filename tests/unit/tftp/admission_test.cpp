#include "tftp-bridge/tftp/admission.h"

#include "tftp-bridge/tftp/line_budget.h"

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

using namespace std::chrono_literals;
using Verdict = Admission::Verdict;

const Admission::TimePoint t0{1000s};

Endpoint client(const char* address, std::uint16_t port) {
    return Endpoint::from_text(address, port).value();
}

TEST(Admission, OneClientCannotTakeAllPlaces) {
    Admission admission(3, 2);
    admission.enter(client("192.0.2.1", 1000));
    admission.enter(client("192.0.2.1", 1001));
    EXPECT_EQ(admission.ask(client("192.0.2.1", 1002), t0), Verdict::client_full)
        << "whatever its port";
    EXPECT_EQ(admission.ask(client("192.0.2.2", 1000), t0), Verdict::free);
    admission.enter(client("192.0.2.2", 1000));
    EXPECT_EQ(admission.ask(client("192.0.2.3", 1000), t0), Verdict::full);
    admission.leave(client("192.0.2.1", 1000));
    EXPECT_EQ(admission.ask(client("192.0.2.1", 1002), t0), Verdict::free);
}

TEST(Admission, AnAddressThatHasAcknowledgedNothingHasFewTransfersAtATime) {
    Admission admission(4000, 2000);
    const auto somebody = client("192.0.2.1", 1000);
    for (std::uint32_t i = 0; i < Admission::max_of_stranger; ++i) {
        EXPECT_EQ(admission.ask(somebody, t0), Verdict::free);
        admission.enter(somebody);
    }
    EXPECT_EQ(admission.ask(somebody, t0), Verdict::stranger_full);
    EXPECT_EQ(admission.ask(client("192.0.2.2", 1000), t0), Verdict::free);
    admission.acknowledged(client("192.0.2.1", 2000), t0);
    EXPECT_EQ(admission.ask(somebody, t0), Verdict::free) << "a client is there";
    EXPECT_EQ(admission.ask(somebody, t0 + Admission::remembered_for + 1s), Verdict::stranger_full);
}

TEST(Admission, AnAddressWhereNobodyWaitsForAnswersGetsFew) {
    Admission admission(4000, 2000);
    const auto somebody = client("192.0.2.1", 1000);
    for (std::uint32_t i = 0; i < Admission::max_of_stranger; ++i) {
        EXPECT_EQ(admission.ask(somebody, t0), Verdict::free);
        admission.enter(somebody);
        admission.leave(somebody);
        admission.refused(somebody, t0);
    }
    EXPECT_EQ(admission.ask(somebody, t0), Verdict::stranger_full);
    EXPECT_EQ(admission.ask(somebody, t0 + 1min), Verdict::free);
}

TEST(Admission, AnAddressThatIsForgedIsTrustedAgainAfterAWhile) {
    Admission admission(4000, 2000);
    const auto somebody = client("192.0.2.1", 1000);
    admission.distrust(somebody, t0);
    EXPECT_TRUE(admission.distrusted(client("192.0.2.1", 7), t0 + 1s));
    EXPECT_FALSE(admission.distrusted(client("192.0.2.2", 7), t0 + 1s));
    EXPECT_FALSE(admission.distrusted(somebody, t0 + Admission::distrusted_for + 1s));
}

TEST(Admission, WhatIsRememberedOfAddressesIsBounded) {
    Admission admission(4000, 2000);
    Endpoint many = client("10.0.0.0", 1);
    for (std::size_t i = 0; i < 2 * Admission::max_remembered; ++i) {
        many.address[1] = static_cast<std::uint8_t>(i / 256);
        many.address[2] = static_cast<std::uint8_t>(i);
        admission.distrust(many, t0);
    }
    std::size_t remembered = 0;
    for (std::size_t i = 0; i < 2 * Admission::max_remembered; ++i) {
        many.address[1] = static_cast<std::uint8_t>(i / 256);
        many.address[2] = static_cast<std::uint8_t>(i);
        remembered += admission.distrusted(many, t0);
    }
    EXPECT_EQ(remembered, Admission::max_remembered);
}

TEST(LineBudget, OneClientDoesNotFillTheLogAndWhatWasLeftOutIsTold) {
    LineBudget budget;
    std::uint32_t written = 0;
    for (std::uint16_t port = 1; port <= 1000; ++port)
        written += budget.allows(client("192.0.2.1", port), t0);
    EXPECT_EQ(written, LineBudget::max_lines_per_address);
    EXPECT_TRUE(budget.allows(client("192.0.2.2", 1), t0)) << "others are not left out";
    EXPECT_EQ(budget.take_left_out(t0), 0U);
    EXPECT_EQ(budget.tells_at(), t0 + LineBudget::period);
    EXPECT_EQ(budget.take_left_out(t0 + LineBudget::period), 1000 - written);
    EXPECT_EQ(budget.tells_at(), LineBudget::TimePoint::max());
    EXPECT_TRUE(budget.allows(client("192.0.2.1", 1), t0 + LineBudget::period));
}

TEST(LineBudget, ManyClientsDoNotFillTheLog) {
    LineBudget budget;
    std::uint32_t written = 0;
    auto many = client("10.0.0.0", 1);
    for (std::uint32_t i = 0; i < 65'536; ++i) {
        many.address[1] = static_cast<std::uint8_t>(i / 256);
        many.address[2] = static_cast<std::uint8_t>(i);
        written += budget.allows(many, t0);
    }
    EXPECT_EQ(written, LineBudget::max_lines);
}

} // namespace
} // namespace bootview::tftp
