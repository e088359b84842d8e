#include "tftp-bridge/tftp/admission.h"

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

using Verdict = Admission::Verdict;

Endpoint client(const char* address, std::uint16_t port) {
    return Endpoint::from_text(address, port).value();
}

TEST(Admission, OneClientCannotTakeAllPlaces) {
    Admission admission(3, 2);
    admission.enter(client("192.0.2.1", 1000));
    admission.enter(client("192.0.2.1", 1001));
    EXPECT_EQ(admission.ask(client("192.0.2.1", 1002)), Verdict::client_full)
        << "whatever its port";
    EXPECT_EQ(admission.ask(client("192.0.2.2", 1000)), Verdict::free);
    admission.enter(client("192.0.2.2", 1000));
    EXPECT_EQ(admission.ask(client("192.0.2.3", 1000)), Verdict::full);
    admission.leave(client("192.0.2.1", 1000));
    EXPECT_EQ(admission.ask(client("192.0.2.1", 1002)), Verdict::free);
}

} // namespace
} // namespace bootview::tftp
