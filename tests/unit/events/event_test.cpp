#include "events/event.h"

#include <gtest/gtest.h>

namespace bootview::events {
namespace {

TEST(Event, ReadsWhatItWrote) {
    const Event events[] = {
        Offer{"52:54:00:12:34:56", "pc", "", "uefi x64", "eth0", "\"EFI/BOOT/BOOTX64.EFI\""},
        Transfer{7, "192.0.2.7", "", "", "89025d75", "kernel8.img", "finished", "", 81, 162, 1,
                 0.25},
        Session{8, "2001:db8::1", "jammy", "/srv/jammy.img", "active", "", true, 1, 2, 3, 0.5, 60},
        Session{9, "192.0.2.6", "jammy", "/srv/jammy.img", "refused", "written by 192.0.2.5", true},
        View{"/srv/jammy.img", "/run/boot", "attached", 5, 6, 7, 8}};
    for (const auto& event : events)
        EXPECT_EQ(from_json(to_json(event)), event) << to_json(event);
}

TEST(Event, IsNoEventWithoutItsKind) {
    for (const auto* text : {"", "{", "7", "[]", "{}", R"({"event":7})", R"({"event":"party"})",
                             R"({"event":"transfer","length":"long"})"})
        EXPECT_EQ(from_json(text), std::nullopt) << text;
}

// A listener may be older than the part, or newer.
TEST(Event, PassesOverKeysItDoesNotKnowAndDoesWithoutThoseThatAreMissing) {
    const auto event = from_json(R"({"event":"view","mode":"poll","colour":"blue"})");
    ASSERT_TRUE(event);
    EXPECT_EQ(std::get<View>(*event), View{.mode = "poll"});
}

TEST(Event, FitsIntoAPacketWhateverANameHolds) {
    Transfer transfer;
    transfer.file = std::string(100'000, '\x01'); // six bytes each in JSON
    transfer.name = std::string(100'000, '\xff'); // no UTF-8
    const auto text = to_json(transfer);
    EXPECT_LE(text.size(), longest);
    EXPECT_TRUE(from_json(text));
}

} // namespace
} // namespace bootview::events
