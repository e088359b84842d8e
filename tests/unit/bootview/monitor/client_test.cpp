#include "bootview/monitor/client.h"
#include "bootview/monitor/journal.h"

#include <gtest/gtest.h>

namespace bootview::monitor {
namespace {

TEST(Client, IsCalledByAnythingThatIsKnownOfIt) {
    const Client pi{.mac = "dc:a6:32:01:02:03",
                    .address = "192.0.2.7",
                    .serial = "89025d75",
                    .name = "desk",
                    .machine = "",
                    .timeline = {}};
    for (const auto* text : {"desk", "192.0.2.7", "dc:a6:32:01:02:03", "DC-A6-32-01-02-03",
                             "dca6.3201.0203", "89025d75", "89025D75", "1000000089025d75"})
        EXPECT_TRUE(pi.is_called(text)) << text;
    for (const auto* text : {"", "des", "192.0.2.70", "dc:a6:32:01:02:04", "25d75", "0089025d75"})
        EXPECT_FALSE(pi.is_called(text)) << text;
    EXPECT_EQ(pi.key(), "desk");
    EXPECT_FALSE(Client{}.is_called(""));
    EXPECT_FALSE(Client{}.is_called(":"));
}

TEST(Entry, SaysWhatHappened) {
    EXPECT_EQ(describe({.happened = Happened::file,
                        .what = "kernel8.img",
                        .outcome = "finished",
                        .bytes = 8'123'456,
                        .retransmits = 2,
                        .seconds = 1.2}),
              "loaded kernel8.img: 8123 kB in 1.20 s, 6.8 MB/s, 2 retransmits");
    EXPECT_EQ(describe({.happened = Happened::file,
                        .what = "vmlinuz",
                        .outcome = "client-silent",
                        .bytes = 1468,
                        .seconds = 7}),
              "did not get vmlinuz: it fell silent after 1468 bytes and 7.00 s");
    EXPECT_EQ(describe({.happened = Happened::refused,
                        .what = "a",
                        .names = {"a"},
                        .count = 1,
                        .outcome = "file not found"}),
              "did not get a: file not found");
    EXPECT_EQ(describe({.happened = Happened::refused,
                        .what = "b",
                        .names = {"a", "b"},
                        .count = 2,
                        .outcome = "file not found"}),
              "did not get 2 files, a, b: file not found");
    EXPECT_EQ(describe({.happened = Happened::refused,
                        .what = "d",
                        .names = {"a", "b", "c", "d"},
                        .count = 70,
                        .outcome = "file not found"}),
              "did not get 70 files, at last b, c, d: file not found");
    EXPECT_EQ(describe({.happened = Happened::closed,
                        .what = "jammy",
                        .outcome = "server-gone",
                        .bytes = 5,
                        .written_bytes = 20'000'000'000}),
              "lost disk jammy: 5 bytes read, 20.0 GB written");
}

// systemd takes one field a line: whatever a client called its file must not make another.
TEST(Journal, ARecordHasOneLineForEachField) {
    const Client client{.mac = "52:54:00:12:34:56", .timeline = {}};
    const auto record = journal_record(client, {.boot = 3,
                                                .happened = Happened::file,
                                                .what = "a\nPRIORITY=0",
                                                .outcome = "finished",
                                                .bytes = 81,
                                                .seconds = 0.5});
    EXPECT_EQ(record, "MESSAGE=52:54:00:12:34:56 loaded a PRIORITY=0: 81 bytes in 0.50 s\n"
                      "PRIORITY=6\n"
                      "SYSLOG_IDENTIFIER=bootview\n"
                      "BOOTVIEW_CLIENT=52:54:00:12:34:56\n"
                      "BOOTVIEW_MAC=52:54:00:12:34:56\n"
                      "BOOTVIEW_BOOT=3\n"
                      "BOOTVIEW_EVENT=file\n"
                      "BOOTVIEW_WHAT=a PRIORITY=0\n"
                      "BOOTVIEW_OUTCOME=finished\n"
                      "BOOTVIEW_BYTES=81\n"
                      "BOOTVIEW_SECONDS=0.500\n"
                      "BOOTVIEW_RETRANSMITS=0\n");
}

} // namespace
} // namespace bootview::monitor
