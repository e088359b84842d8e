#include "bootview/monitor/metrics.h"
#include "bootview/monitor/model.h"
#include "bootview/monitor/status_json.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace bootview::monitor {
namespace {

using events::Offer;
using events::Session;
using events::Transfer;

constexpr std::uint64_t bridge = 1, nbdkit = 2, other_nbdkit = 3;
constexpr const char* mac = "52:54:00:12:34:56";

// What happens, a second after each other.
class Story {
public:
    Model model;

    void wait(int seconds) { now_ += std::chrono::seconds(seconds); }
    void tell(std::uint64_t part, const events::Event& event) {
        wait(1);
        model.take(part, event, now_);
    }
    void offers() { tell(bridge, Offer{.mac = mac, .machine = "bios", .offered = "pxelinux.0"}); }
    void loads(const std::string& file, const std::string& from = "192.0.2.7",
               const std::string& its_mac = mac) {
        Transfer transfer{.id = ++transfers_, .client = from, .mac = its_mac, .file = file};
        transfer.outcome = "running";
        tell(bridge, transfer);
        transfer.outcome = "finished";
        transfer.length = 81;
        tell(bridge, transfer);
    }
    void misses(const std::string& file, const std::string& why = "file not found") {
        tell(
            bridge,
            Transfer{
                .client = "192.0.2.7", .mac = mac, .file = file, .outcome = "refused", .why = why});
    }
    void disk(const char* state, std::uint64_t read, std::uint64_t written, std::uint64_t id = 1,
              const std::string& from = "192.0.2.7", std::uint64_t part = nbdkit) {
        tell(part, Session{.id = id,
                           .client = from,
                           .export_name = "jammy",
                           .image = "/srv/jammy.img",
                           .state = state,
                           .writable = true,
                           .read_bytes = read,
                           .written_bytes = written,
                           .flushes = written,
                           .flush_seconds = 0.5});
    }
    void boots() {
        offers();
        loads("pxelinux.0");
        loads("vmlinuz");
        disk("opened", 0, 0);
        disk("active", 512, 0);
        disk("active", 4096, 512);
    }
    void server_ends(std::uint64_t part) { model.gone(part, now_); }
    // "1 offer pxelinux.0", …
    std::vector<std::string> timeline(const std::string& client = "192.0.2.7") const {
        std::vector<std::string> lines;
        if (const auto* found = model.find(client))
            for (const auto& entry : found->timeline)
                lines.push_back(std::to_string(entry.boot) + " " +
                                std::string(to_string(entry.happened)) + " " + entry.what);
        return lines;
    }

private:
    Time now_ = Time{} + std::chrono::hours(400'000);
    std::uint64_t transfers_ = 0;
};

using Lines = std::vector<std::string>;

// DHCP knows a MAC, TFTP an address, NBD the address alone.
TEST(Model, ABootIsOneTimelineOfOneClient) {
    Story story;
    story.boots();
    ASSERT_EQ(story.model.clients().size(), 1U);
    const auto& client = story.model.clients().front();
    EXPECT_EQ(client.mac, mac);
    EXPECT_EQ(client.address, "192.0.2.7");
    EXPECT_EQ(client.machine, "bios");
    EXPECT_EQ(client.state, State::running);
    EXPECT_EQ(story.timeline(), (Lines{"1 offer pxelinux.0", "1 file pxelinux.0", "1 file vmlinuz",
                                       "1 disk jammy", "1 first-write jammy"}));
    EXPECT_EQ(story.model.boots(), 1U);
}

TEST(Model, WhoBootsAgainHasTwoBoots) {
    Story story;
    story.boots();
    story.disk("closed", 8192, 1024);
    EXPECT_EQ(story.model.clients().front().state, State::off);
    story.boots();
    EXPECT_EQ(story.model.clients().front().boots, 2U);
    EXPECT_EQ(story.timeline()[5], "1 closed jammy");
    EXPECT_EQ(story.timeline()[6], "2 offer pxelinux.0");
}

// Reset, or switched off: its connection hangs on, because nobody has told the server.
TEST(Model, WhoIsResetLeavesItsDiskWithoutClosingIt) {
    Story story;
    story.boots();
    story.offers();
    story.loads("pxelinux.0");
    story.disk("opened", 0, 0, 2);
    story.disk("active", 512, 512, 2);
    EXPECT_EQ(story.timeline(),
              (Lines{"1 offer pxelinux.0", "1 file pxelinux.0", "1 file vmlinuz", "1 disk jammy",
                     "1 first-write jammy", "1 closed jammy", "2 offer pxelinux.0",
                     "2 file pxelinux.0", "2 disk jammy", "2 first-write jammy"}));
    EXPECT_EQ(story.model.clients().front().timeline[5].outcome, "cut-off");
    story.disk("closed", 4096, 512, 1); // the server has noticed
    EXPECT_EQ(story.timeline().size(), 10U);
    EXPECT_EQ(story.model.clients().front().state, State::running);
    story.disk("closed", 512, 512, 2);
    EXPECT_EQ(story.model.clients().front().state, State::off);
}

TEST(Model, WhoFetchesAFileWhileItRunsRunsOn) {
    Story story;
    story.boots();
    story.loads("vmlinuz");
    story.disk("active", 8192, 1024);
    EXPECT_EQ(story.model.clients().front().state, State::running);
    story.disk("closed", 8192, 1024);
    EXPECT_EQ(story.model.clients().front().state, State::off);
}

// Firmware asks the proxy, then port 4011, then once more, and gives up when it found nothing.
TEST(Model, QuestionsThatAreRepeatedAreOneUntilTheMachineWasSilentForLong) {
    Story story;
    story.offers();
    story.offers();
    story.offers();
    EXPECT_EQ(story.timeline(mac), Lines{"1 offer pxelinux.0"});
    story.wait(600);
    story.offers();
    EXPECT_EQ(story.timeline(mac), (Lines{"1 offer pxelinux.0", "2 offer pxelinux.0"}));
}

TEST(Model, ARestartOfTheNbdServerIsNoBoot) {
    Story story;
    story.boots();
    story.server_ends(nbdkit);
    EXPECT_TRUE(story.model.sessions().empty());
    story.disk("opened", 0, 0, 1, "192.0.2.7", other_nbdkit);
    story.disk("active", 512, 512, 1, "192.0.2.7", other_nbdkit);
    const auto lines = story.timeline();
    EXPECT_EQ(story.model.clients().front().boots, 1U);
    EXPECT_EQ((Lines{lines.end() - 3, lines.end()}),
              (Lines{"1 closed jammy", "1 disk jammy", "1 first-write jammy"}));
    EXPECT_EQ(story.model.clients().front().state, State::running);
    // What was counted before is not lost.
    ASSERT_EQ(story.model.exports().size(), 1U);
    EXPECT_EQ(story.model.exports()[0].written_bytes, 512U + 512U);
    EXPECT_EQ(story.model.exports()[0].clients, 1U);
}

TEST(Model, SeveralConnectionsToOneDiskAreOneThingThatHappens) {
    Story story;
    for (const std::uint64_t id : {1U, 2U, 3U})
        story.disk("active", 512, 256, id);
    for (const std::uint64_t id : {1U, 2U, 3U})
        story.disk("closed", 512, 256, id);
    EXPECT_EQ(story.timeline(), (Lines{"1 disk jammy", "1 first-write jammy", "1 closed jammy"}));
    const auto& closed = story.model.clients().front().timeline.back();
    EXPECT_EQ(closed.bytes, 3 * 512U);
    EXPECT_EQ(closed.written_bytes, 3 * 256U);
}

TEST(Model, WhoOnlyKnocksIsNoClient) {
    Story story;
    story.tell(nbdkit, Session{.id = 1, .client = "192.0.2.9", .state = "closed"});
    EXPECT_TRUE(story.model.clients().empty());
}

// A monitor that was started again hears of the disk first, and of the MAC at the next boot.
TEST(Model, WhatTurnsOutToBeOneClientBecomesOne) {
    Story story;
    story.disk("active", 512, 512);
    story.offers();
    EXPECT_EQ(story.model.clients().size(), 2U);
    story.loads("pxelinux.0");
    ASSERT_EQ(story.model.clients().size(), 1U);
    EXPECT_EQ(story.model.clients().front().mac, mac);
    story.disk("closed", 512, 512); // the session moved with it
    EXPECT_EQ(story.timeline().back().substr(2), "closed jammy");
}

TEST(Model, AnAddressThatIsGivenToAnotherMachineIsItsOwn) {
    Story story;
    story.loads("vmlinuz");
    story.loads("vmlinuz", "192.0.2.7", "52:54:00:99:99:99");
    EXPECT_EQ(story.model.clients().size(), 2U);
    EXPECT_EQ(story.model.find(mac)->address, "");
    EXPECT_EQ(story.model.find("192.0.2.7")->mac, "52:54:00:99:99:99");
}

// Serial numbers and names are also learnt from names of files, which anyone can ask for.
TEST(Model, WhoAsksForABoardsFilesIsNotThatBoard) {
    Story story;
    const auto asks = [&](const char* from, const char* its_mac, const char* serial) {
        story.tell(bridge, Transfer{.client = from,
                                    .mac = its_mac,
                                    .name = "lab",
                                    .serial = serial,
                                    .file = "config.txt",
                                    .outcome = "finished"});
    };
    asks("192.0.2.7", mac, "cafef00d");
    asks("192.0.2.8", "52:54:00:12:34:57", "cafef00d");
    ASSERT_EQ(story.model.clients().size(), 2U);
    EXPECT_EQ(story.model.clients().back().mac, mac);
    EXPECT_EQ(story.model.clients().back().address, "192.0.2.7");
    // Two boards that nothing but their serial numbers tell apart.
    asks("192.0.2.9", "", "a1b2c3d4");
    asks("192.0.2.9", "", "a1b2c3d5");
    EXPECT_EQ(story.model.clients().size(), 4U);
    EXPECT_EQ(story.model.find("1000000A1B2C3D4"), nullptr);
    ASSERT_NE(story.model.find("10000000A1B2C3D4"), nullptr);
    EXPECT_EQ(story.model.find("10000000A1B2C3D4")->timeline.size(), 1U);
}

TEST(Model, ClientsAndTimelinesAreBounded) {
    Story story;
    story.disk("active", 512, 0, 1, "198.51.100.1"); // this one is connected
    for (int i = 0; i < 2 * static_cast<int>(most_clients); ++i)
        story.tell(bridge, Offer{.mac = "mac" + std::to_string(i), .offered = "x"});
    EXPECT_EQ(story.model.clients().size(), most_clients);
    EXPECT_NE(story.model.find("198.51.100.1"), nullptr);
    for (int i = 0; i < 2 * static_cast<int>(most_entries); ++i)
        story.loads("file");
    EXPECT_EQ(story.timeline().size(), most_entries);
}

TEST(Model, ASizeThatIsAskedForIsNoFileThatIsLoaded) {
    Story story;
    story.tell(bridge, Transfer{.id = 1, .client = "192.0.2.7", .file = "x", .outcome = "running"});
    EXPECT_EQ(story.model.transfers().size(), 1U);
    story.tell(bridge,
               Transfer{.id = 1, .client = "192.0.2.7", .file = "x", .outcome = "size-only"});
    EXPECT_TRUE(story.model.transfers().empty());
    EXPECT_TRUE(story.timeline().empty());
}

// Firmware tries dozens of names: that is one thing that happens, of which the last tell most.
TEST(Model, FilesThatAreRefusedInARowAreOneEntry) {
    Story story;
    unsigned told = 0;
    story.model.on_entry([&](const Client&, const Entry&) { ++told; });
    story.offers();
    for (int i = 0; i < 2 * static_cast<int>(most_names); ++i)
        story.misses("pxelinux.cfg/" + std::to_string(i));
    story.misses("secret", "access denied");
    story.loads("pxelinux.cfg/default");
    story.misses("ldlinux.c32");
    EXPECT_EQ(story.timeline(),
              (Lines{"1 offer pxelinux.0", "1 refused pxelinux.cfg/79", "1 refused secret",
                     "1 file pxelinux.cfg/default", "1 refused ldlinux.c32"}));
    const auto& client = story.model.clients().front();
    EXPECT_EQ(client.timeline[1].count, 2 * most_names);
    EXPECT_EQ(client.timeline[1].names.size(), most_names);
    EXPECT_EQ(client.timeline[1].names.back(), "pxelinux.cfg/79");
    const auto json = status_json(story.model, Time{}, Time{}).at("clients").at(0).at("timeline");
    EXPECT_EQ(json.at(1).at("count"), 2 * most_names);
    EXPECT_EQ(json.at(1).at("names").size(), most_names);
    EXPECT_EQ(json.at(2).at("why"), "access denied");
    EXPECT_EQ(client.boots, 1U);
    EXPECT_EQ(client.state, State::loading);
    EXPECT_EQ(told, 2U);
}

TEST(Model, AClientWhoseImageIsInUseIsToldOf) {
    Story story;
    const Session refused{.client = "192.0.2.8",
                          .export_name = "jammy",
                          .state = "refused",
                          .why = "written by 192.0.2.7 since 12:03:05",
                          .writable = true};
    story.disk("active", 4096, 512);
    for (int i = 0; i < 3; ++i)
        story.tell(nbdkit, refused);
    EXPECT_EQ(story.timeline("192.0.2.8"), Lines{"0 refused jammy"});
    EXPECT_EQ(describe(story.model.find("192.0.2.8")->timeline.back()),
              "did not get jammy: written by 192.0.2.7 since 12:03:05");
    EXPECT_EQ(story.model.find("192.0.2.7")->state, State::running);
}

// A Raspberry Pi that needs no DHCP from us begins with one.
TEST(Model, AFileThatIsRefusedMayBeginABoot) {
    Story story;
    story.boots();
    story.disk("closed", 8192, 1024);
    story.misses("89025d75/start4.elf");
    EXPECT_EQ(story.timeline().back(), "2 refused 89025d75/start4.elf");
}

TEST(Metrics, CountByExportAndWriteLabelsAsPrometheusReadsThem) {
    Story story;
    story.boots();
    story.tell(nbdkit,
               events::View{.image = "/srv/\"odd\".img", .mountpoint = "/b", .mode = "poll"});
    const auto text = metrics_text(story.model);
    for (const auto* line :
         {"bootview_boots_total 1\n", "bootview_clients{state=\"running\"} 1\n",
          "bootview_nbd_written_bytes_total{export=\"jammy\",image=\"/srv/jammy.img\"} 512\n",
          "bootview_nbd_flush_seconds_total{export=\"jammy\",image=\"/srv/jammy.img\"} 0.5\n",
          "bootview_view_attached{image=\"/srv/\\\"odd\\\".img\",mountpoint=\"/b\"} 0\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

} // namespace
} // namespace bootview::monitor
