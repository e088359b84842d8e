// What contradicts itself: as Linux has it where nobody is at work, refused where it may be a
// client's update on its way.
#include "fuse-fatimg/image/bytes.h"
#include "tests/unit/view/view_fixture.h"

using namespace bootview;
using namespace bootview::view;
using namespace bootview::test;

namespace {

class DamageTest : public ViewTest {
protected:
    // As if the image had been written so long ago.
    void set_age(std::chrono::seconds age) const {
        timespec when{};
        ::clock_gettime(CLOCK_REALTIME, &when);
        when.tv_sec -= age.count();
        when.tv_nsec = 1;
        const std::array times{when, when};
        ASSERT_EQ(::utimensat(AT_FDCWD, image.c_str(), times.data(), 0), 0);
    }
    void mark_in_use() const { poke(fat_partition_offset + 37, "\x01"); }
    // FAT16 entries, in both copies.
    void set_fat(fat::Cluster cluster, std::uint16_t value) const {
        const std::string bytes{static_cast<char>(value & 0xff), static_cast<char>(value >> 8)};
        for (unsigned copy = 0; copy < 2; ++copy)
            poke(fat_partition_offset + geometry().fat_offset + copy * geometry().fat_length +
                     cluster * 2,
                 bytes);
    }
    fat::Cluster first_cluster(const std::string& name, NodeId parent = root_id) {
        open();
        const fat::Cluster first = look(name, parent).entry.first_cluster;
        view.reset();
        return first;
    }
    int error_of_opening(const std::string& name) {
        return error_of([&] { view->open(look(name).id); });
    }
};

constexpr std::chrono::hours long_ago{24};

TEST_F(DamageTest, AFileWhoseLastClusterIsFreeIsReadWhereNobodyIsAtWork) {
    set_fat(first_cluster("config.txt"), 0);
    set_age(long_ago);
    open();
    EXPECT_EQ(contents("config.txt"), "config\n");
}

TEST_F(DamageTest, AFileWhoseLastClusterIsFreeMayBeHalfWritten) {
    set_fat(first_cluster("config.txt"), 0);
    open(); // written just now
    EXPECT_EQ(error_of_opening("config.txt"), EIO);
    set_age(std::chrono::seconds{10});
    open();
    EXPECT_EQ(contents("config.txt"), "config\n") << "nobody has it mounted";
    mark_in_use();
    set_age(std::chrono::seconds{10});
    open();
    EXPECT_EQ(error_of_opening("config.txt"), EIO) << "who has it mounted may keep back the rest";
    set_age(std::chrono::seconds{60});
    open();
    EXPECT_EQ(contents("config.txt"), "config\n") << "but not for ever";
}

TEST_F(DamageTest, AFileThatLeadsToAFreeClusterIsNeverShown) {
    set_fat(first_cluster("kernel8.img"), 0);
    set_age(long_ago);
    open();
    EXPECT_EQ(error_of_opening("kernel8.img"), EIO);
    EXPECT_EQ(contents("config.txt"), "config\n") << "and the others are";
}

TEST_F(DamageTest, AFileThatHasASizeAndNoClustersIsNeverShown) {
    const std::uint64_t root = root_directory();
    const std::string data = peek(root, 512);
    const std::size_t at = data.find("CONFIG  TXT");
    ASSERT_NE(at, std::string::npos);
    poke(root + at + 26, std::string(2, '\0'));
    set_age(long_ago);
    open();
    EXPECT_EQ(look("config.txt").entry.size, 7U);
    EXPECT_EQ(error_of_opening("config.txt"), EIO);
    poke(root + at + 28, std::string(4, '\0'));
    open();
    EXPECT_EQ(contents("config.txt"), "") << "no size and no clusters is an empty file";
}

TEST_F(DamageTest, ADirectoryWithoutDotsIsShownIfThereAreTwoDirectoriesInItAsByLinux) {
    for (const char* name : {"::overlays/one", "::overlays/two"})
        mtools({"mmd"}, image, {name});
    const std::uint64_t at = fat_partition_offset + geometry().offset_of(first_cluster("overlays"));
    poke(at, "\xe5");
    poke(at + 32, "\xe5");
    set_age(long_ago);
    open();
    EXPECT_EQ(view->list(look("overlays").id).size(), 3U);
    mark_in_use();
    set_age(std::chrono::seconds{10});
    open();
    EXPECT_EQ(error_of([&] { view->list(look("overlays").id); }), EIO)
        << "a cluster that was not written yet looks like anything";
}

TEST_F(DamageTest, ADirectoryWithoutDotsOrDirectoriesIsNeverShown) {
    const std::uint64_t at = fat_partition_offset + geometry().offset_of(first_cluster("overlays"));
    poke(at, "\xe5");
    set_age(long_ago);
    open();
    EXPECT_EQ(error_of([&] { view->list(look("overlays").id); }), EIO);
    EXPECT_EQ(view->list(root_id).size(), 4U);
}

TEST_F(DamageTest, ADirectoryThatContainsItselfIsNotWalkedForEver) {
    mtools({"mmd"}, image, {"::overlays/again"});
    const fat::Cluster overlays = first_cluster("overlays");
    const std::uint64_t at = fat_partition_offset + geometry().offset_of(overlays);
    const std::size_t slot = peek(at, 2048).find("AGAIN");
    ASSERT_NE(slot, std::string::npos);
    poke(at + slot + 26,
         std::string{static_cast<char>(overlays & 0xff), static_cast<char>(overlays >> 8)});
    set_age(long_ago);
    open();
    const NodeId id = look("overlays").id;
    EXPECT_EQ(error_of([&] { look("again", id); }), EIO);
    EXPECT_EQ(view->list(id).size(), 2U);
}

TEST_F(DamageTest, ADirectoryThatBeginsNowhereIsNeverShown) {
    const std::uint64_t root = root_directory();
    const std::size_t at = peek(root, 512).find("OVERLAYS   ");
    ASSERT_NE(at, std::string::npos);
    for (const char* cluster : {"\0\0", "\1\0", "\xff\xff"}) {
        poke(root + at + 26, std::string{cluster, 2});
        set_age(long_ago);
        open();
        EXPECT_EQ(error_of([&] { look("overlays"); }), EIO);
    }
}

TEST_F(DamageTest, WhereThingsLieIsToldPieceByPiece) {
    open();
    const Attributes kernel = look("kernel8.img");
    EXPECT_EQ(view->pieces(kernel.id, 10),
              (std::vector<Range>{{data_of(kernel.entry), 5 * cluster}}));
    const Attributes overlays = look("overlays");
    EXPECT_EQ(view->pieces(overlays.id, 10),
              (std::vector<Range>{{data_of(overlays.entry), cluster}}));
    EXPECT_EQ(view->pieces(root_id, 10).at(0).offset, root_directory());
    EXPECT_EQ(error_of([&] { view->pieces(kernel.id, 0); }), E2BIG);
}

} // namespace
