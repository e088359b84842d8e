// What is shown, and what a change does to it.
#include "tests/unit/view/view_fixture.h"

using namespace bootview;
using namespace bootview::view;
using namespace bootview::test;

namespace {

TEST_F(ViewTest, ShowsWhatMtoolsWrote) {
    open_attached();
    EXPECT_EQ(contents("cmdline.txt"), "old\n");
    EXPECT_EQ(contents("kernel8.img"), std::string(5 * cluster, 'k'));
    std::set<std::string> names;
    for (const DirectoryEntry& entry : view->list(root_id))
        names.insert(entry.name);
    EXPECT_EQ(names,
              (std::set<std::string>{"kernel8.img", "cmdline.txt", "config.txt", "overlays"}));
    const Attributes overlays = look("overlays");
    EXPECT_TRUE(overlays.is_directory);
    EXPECT_EQ(view->list(overlays.id).at(0).name, "a-long-file-name.dtbo");
    EXPECT_EQ(look("A-LONG~1.DTB", overlays.id).id, look("a-long-file-name.DTBO", overlays.id).id)
        << "two names of one file are one node";
    EXPECT_EQ(error_of([&] { look("missing"); }), ENOENT);
    EXPECT_EQ(error_of([&] { look("x", look("config.txt").id); }), ENOTDIR);
    EXPECT_EQ(error_of([&] { view->open(overlays.id); }), EISDIR);
}

TEST_F(ViewTest, ANodeStaysWhileNothingChanges) {
    open_attached();
    const NodeId id = look("kernel8.img").id;
    view->open(id);
    EXPECT_EQ(look("kernel8.img").id, id);
    write(fat_partition_offset + (15 << 20), "somewhere nobody looks");
    EXPECT_EQ(look("kernel8.img").id, id);
    EXPECT_TRUE(dead.empty());
}

TEST_F(ViewTest, ANewByteOfDataIsANewVersionAndTheOldOneIsStale) {
    open_attached();
    const Attributes old = look("kernel8.img");
    const auto file = view->open(old.id);
    EXPECT_EQ(contents(*file, 10), "kkkkkkkkkk");
    write(data_of(old.entry) + 4 * cluster, "X");
    EXPECT_EQ(error_of([&] { contents(*file, 10); }), ESTALE);
    EXPECT_EQ(error_of([&] { view->attributes(old.id); }), ESTALE);
    EXPECT_EQ(error_of([&] { view->open(old.id); }), ESTALE);
    EXPECT_TRUE(dead.contains(old.id)) << "the kernel is told to drop its pages";
    EXPECT_NE(look("kernel8.img").id, old.id);
    EXPECT_EQ(contents("kernel8.img")[4 * cluster], 'X');
    EXPECT_EQ(look("kernel8.img").inode, old.inode) << "st_ino stays";
}

TEST_F(ViewTest, AWriteBehindTheEndOfAFileIsNoMatter) {
    open_attached();
    const Attributes small = look("cmdline.txt");
    const auto file = view->open(small.id);
    write(data_of(small.entry) + 4, "slack");
    EXPECT_EQ(contents(*file, 100), "old\n");
}

TEST_F(ViewTest, ANeighboursChangeInASharedSectorKillsNobodyElse) {
    open_attached();
    const Attributes kernel = look("kernel8.img");
    const Attributes cmdline = look("cmdline.txt");
    const auto kernel_file = view->open(kernel.id);
    const auto cmdline_file = view->open(cmdline.id);

    rewrite(root_directory());
    rewrite(fat_partition_offset + geometry().fat_offset);
    EXPECT_EQ(look("kernel8.img").id, kernel.id);
    EXPECT_EQ(contents(*kernel_file, 2), "kk");

    // The entry of cmdline.txt gets another time: byte 22 of the slot.
    const std::uint64_t slot = root_directory() + cmdline.entry.slot * 32ULL;
    write(slot + 22, "\x11\x22");
    EXPECT_EQ(error_of([&] { contents(*cmdline_file, 2); }), ESTALE);
    EXPECT_NE(look("cmdline.txt").id, cmdline.id);
    EXPECT_EQ(look("kernel8.img").id, kernel.id);
    EXPECT_EQ(contents(*kernel_file, 2), "kk");
}

TEST_F(ViewTest, AnotherChainIsAnotherVersion) {
    open_attached();
    const Attributes kernel = look("kernel8.img");
    const auto file = view->open(kernel.id);
    // The second cluster now leads to the end of the volume's clusters, and that one back.
    const std::uint64_t table = fat_partition_offset + geometry().fat_offset;
    const fat::Cluster spare = geometry().clusters;
    const fat::Cluster second = kernel.entry.first_cluster + 1;
    const auto number = [](fat::Cluster c) {
        return std::string{static_cast<char>(c & 0xff), static_cast<char>(c >> 8)};
    };
    write(table + spare * 2ULL, number(second + 1));
    write(table + (second - 1) * 2ULL, number(spare));
    EXPECT_EQ(error_of([&] { contents(*file, 2); }), ESTALE);
    EXPECT_NE(look("kernel8.img").id, kernel.id);
}

TEST_F(ViewTest, AFreedChainUnderALiveEntryIsNotServed) {
    open_attached();
    const Attributes kernel = look("kernel8.img");
    write(fat_partition_offset + geometry().fat_offset + (kernel.entry.first_cluster + 2) * 2ULL,
          std::string(2, '\0'));
    EXPECT_EQ(look("kernel8.img").entry.size, 5 * cluster) << "stat works, as with Linux";
    EXPECT_EQ(error_of([&] { view->open(look("kernel8.img").id); }), EIO);
}

TEST_F(ViewTest, WhileAWriteIsUnderWayWhatItTouchesIsWaitedFor) {
    open_attached();
    const Attributes old = look("cmdline.txt");
    const auto file = view->open(old.id);
    auto published = std::make_unique<Publication>(*publisher, Kind::write, data_of(old.entry), 4);
    EXPECT_EQ(error_of([&] { contents(*file, 4); }), ESTALE) << "half of it may be there";
    EXPECT_EQ(error_of([&] { view->open(look("cmdline.txt").id); }), EIO) << "not for ever";
    EXPECT_EQ(contents("config.txt"), "config\n") << "others are not concerned";
    poke(data_of(old.entry), "new\n");
    std::thread finisher{[&] {
        while (view->images().front().waits < 2) // the one above, and the one below
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        published.reset();
    }};
    EXPECT_EQ(contents("cmdline.txt"), "new\n") << "waited for the end";
    finisher.join();
    EXPECT_EQ(view->images().front().waits, 2U);
}

TEST_F(ViewTest, ZeroAndTrimChangeContentToo) {
    open_attached();
    for (const Kind kind : {Kind::zero, Kind::trim}) {
        const Attributes old = look("kernel8.img");
        view->open(old.id);
        publisher->done(publisher->begin(kind, data_of(old.entry), 512));
        EXPECT_NE(look("kernel8.img").id, old.id);
    }
    const Attributes old = look("kernel8.img");
    view->open(old.id);
    publisher->done(publisher->begin(Kind::flush, 0, 0));
    EXPECT_EQ(look("kernel8.img").id, old.id) << "a flush changes nothing";
}

TEST_F(ViewTest, AfterAnOverflowNothingOldIsBelieved) {
    open_attached();
    const Attributes old = look("kernel8.img");
    const auto file = view->open(old.id);
    poke(data_of(old.entry), "Z");
    publisher->done(publisher->begin(Kind::write, data_of(old.entry), 1));
    for (int i = 0; i < 100; ++i) // more than the ring holds
        publisher->done(publisher->begin(Kind::write, 15 << 20, 1));
    EXPECT_EQ(error_of([&] { contents(*file, 1); }), ESTALE);
    EXPECT_EQ(contents("kernel8.img")[0], 'Z');
}

TEST_F(ViewTest, ARemovedDirectoryTakesItsChildrenAlong) {
    open_attached();
    const Attributes overlays = look("overlays");
    const Attributes inside = look("a-long-file-name.dtbo", overlays.id);
    const auto file = view->open(inside.id);
    write(root_directory() + overlays.entry.slot * 32ULL, "\xe5");
    EXPECT_EQ(error_of([&] { look("overlays"); }), ENOENT);
    EXPECT_EQ(error_of([&] { contents(*file, 1); }), ESTALE);
    EXPECT_EQ(error_of([&] { view->list(overlays.id); }), ESTALE);
}

TEST_F(ViewTest, ADirectoryThatIsNotYetWrittenIsNotShown) {
    open_attached();
    const Attributes overlays = look("overlays");
    write(data_of(overlays.entry), std::string(512, 'x')); // somebody's old data
    EXPECT_EQ(error_of([&] { view->list(look("overlays").id); }), EIO);
    EXPECT_EQ(contents("cmdline.txt"), "old\n");
}

TEST_F(ViewTest, AFormattedVolumeIsFollowed) {
    open_attached();
    const Attributes old = look("kernel8.img");
    const auto file = view->open(old.id);
    {
        const Publication published{*publisher, Kind::write, 0, 17 << 20};
        ASSERT_EQ(run({"sh", "-c",
                       "PATH=$PATH:/sbin:/usr/sbin mkfs.vfat -F 12 -s 16 --offset 2048 \"$1\" "
                       "16384",
                       "sh", image}),
                  0);
        add("new.txt", "overlay\n");
    }
    EXPECT_EQ(error_of([&] { contents(*file, 1); }), ESTALE);
    EXPECT_EQ(error_of([&] { look("kernel8.img"); }), ENOENT);
    EXPECT_EQ(contents("NEW.TXT"), "overlay\n");
}

TEST_F(ViewTest, AVolumeThatIsOverwrittenIsAnErrorUntilItIsBack) {
    open_attached();
    const std::string sector = peek(fat_partition_offset, 512);
    EXPECT_EQ(contents("cmdline.txt"), "old\n");
    write(fat_partition_offset, std::string(512, '\0'));
    EXPECT_EQ(error_of([&] { look("cmdline.txt"); }), EIO);
    write(fat_partition_offset, sector);
    EXPECT_EQ(contents("cmdline.txt"), "old\n");
}

TEST_F(ViewTest, TheDirtyMarkOfAMountedVolumeChangesNothing) {
    open_attached();
    const Attributes kernel = look("kernel8.img");
    view->open(kernel.id);
    write(fat_partition_offset + 0x25, "\x01");
    EXPECT_EQ(look("kernel8.img").id, kernel.id);
}

TEST_F(ViewTest, AnImageReplacedByRenameIsFollowed) {
    open_attached();
    const Attributes old = look("cmdline.txt");
    const auto file = view->open(old.id);
    const std::string other = directory / "other.img";
    std::filesystem::copy_file(image, other);
    add_to_image(other, "cmdline.txt", "other\n");
    std::filesystem::rename(other, image);
    EXPECT_EQ(contents("cmdline.txt"), "other\n");
    EXPECT_EQ(error_of([&] { contents(*file, 1); }), ESTALE);
}

TEST_F(ViewTest, ATruncatedImageIsAnErrorAndNoCrash) {
    open_attached();
    const Attributes kernel = look("kernel8.img");
    const auto file = view->open(kernel.id);
    std::filesystem::resize_file(image, data_of(kernel.entry) + cluster);
    EXPECT_NE(error_of([&] { contents(*file, 5 * cluster); }), 0);
    EXPECT_EQ(error_of([&] { view->open(look("kernel8.img").id); }), EIO) << "it is cut off";
    std::filesystem::resize_file(image, 0);
    EXPECT_NE(error_of([&] { contents(*file, 1); }), 0);
    EXPECT_EQ(error_of([&] { look("kernel8.img"); }), EIO);
}

TEST_F(ViewTest, WithoutAServerTheNextOpenIsStillRight) {
    open();
    EXPECT_EQ(view->status(root_id).mode, Mode::poll);
    for (int i = 0; i < 50; ++i) { // faster than file times advance
        const std::string text = fmt::format("{:03}\n", i);
        poke(data_of(look("cmdline.txt").entry), text);
        ASSERT_EQ(contents("cmdline.txt"), text);
    }
    add("cmdline.txt", "by mtools\n");
    EXPECT_EQ(contents("cmdline.txt"), "by mtools\n");
}

TEST_F(ViewTest, AWriterBesideTheServerIsSeenAtTheNextOpen) {
    open_attached();
    EXPECT_EQ(contents("cmdline.txt"), "old\n");
    add("cmdline.txt", "by mtools, past the server\n");
    EXPECT_EQ(contents("cmdline.txt"), "by mtools, past the server\n");
}

TEST_F(ViewTest, WithoutAServerAReadOfAnUnchangedFileGoesOn) {
    open();
    const auto file = view->open(look("kernel8.img").id);
    EXPECT_EQ(contents(*file, 1), "k");
    poke(15 << 20, "somewhere else");
    EXPECT_EQ(contents(*file, 1, cluster), "k") << "its entry and its chain are the same";
    add("kernel8.img", std::string(6 * cluster, 'n'));
    EXPECT_EQ(error_of([&] { contents(*file, 1); }), ESTALE);
}

TEST_F(ViewTest, AllPartitionsSideBySide) {
    TreeOptions options;
    options.partition.all = true;
    open_attached(options);
    ASSERT_EQ(view->list(root_id).size(), 1U);
    const Attributes p1 = look("p1");
    EXPECT_TRUE(p1.is_directory);
    const Attributes file = look("cmdline.txt", p1.id);
    EXPECT_EQ(contents(*view->open(file.id), 10), "old\n");
    EXPECT_EQ(look("p1").id, p1.id);
    EXPECT_EQ(error_of([&] { look("p2"); }), ENOENT);
}

TEST_F(ViewTest, ForgottenNodesAreGone) {
    open_attached();
    for (int i = 0; i < 1000; ++i) {
        const Attributes overlays = look("overlays");
        const Attributes file = look("a-long-file-name.dtbo", overlays.id);
        view->open(file.id);
        view->forget(overlays.id, 1); // the parent first: it stays while the child needs it
        EXPECT_EQ(view->attributes(file.id).id, file.id);
        view->forget(file.id, 1);
        EXPECT_EQ(error_of([&] { view->attributes(file.id); }), ESTALE);
        EXPECT_EQ(error_of([&] { view->attributes(overlays.id); }), ESTALE);
    }
}

TEST_F(ViewTest, ADirectoryOfImagesComesAndGoes) {
    const std::string images = directory / "images";
    std::filesystem::create_directory(images);
    std::filesystem::copy_file(image, images + "/jammy.img");
    write_file(images + "/notes.txt", "not an image\n");
    image = images;
    open();
    ASSERT_EQ(view->list(root_id).size(), 1U);
    EXPECT_EQ(view->list(root_id)[0].name, "jammy");
    const Attributes jammy = look("jammy");
    const Attributes file = look("cmdline.txt", jammy.id);
    const auto open_file = view->open(file.id);
    EXPECT_EQ(contents(*open_file, 10), "old\n");

    std::filesystem::copy_file(images + "/jammy.img", images + "/noble.img");
    EXPECT_EQ(view->list(root_id).size(), 2U);
    EXPECT_NE(look("cmdline.txt", look("noble").id).inode, file.inode);

    std::filesystem::remove(images + "/jammy.img");
    EXPECT_EQ(error_of([&] { look("jammy"); }), ENOENT);
    EXPECT_EQ(error_of([&] { contents(*open_file, 1); }), ESTALE);
    EXPECT_EQ(view->list(root_id).size(), 1U);
}

// What a partition table says, as sectors of partition 1.
std::string sectors(std::uint32_t count) {
    std::string bytes(4, '\0');
    std::memcpy(bytes.data(), &count, 4);
    return bytes;
}

// A FAT may be longer than its partition, by a sector or by half: Linux mounts it and reads what is
// there, and so must the view, or a board that booted for years does not.
TEST_F(ViewTest, AFatLongerThanItsPartitionIsShown) {
    constexpr std::uint64_t length_in_table = 446 + 12;
    constexpr std::uint64_t total_16 = fat_partition_offset + 19;
    constexpr std::uint64_t total_32 = fat_partition_offset + 32;
    const auto total = static_cast<std::uint32_t>(geometry().volume_size / 512);
    poke(total_16, std::string(2, '\0'));
    poke(total_32, sectors(total));
    const auto expect = [&](const std::string& what) {
        open();
        EXPECT_EQ(contents("kernel8.img"), std::string(5 * cluster, 'k')) << what;
        EXPECT_EQ(contents("cmdline.txt"), "old\n") << what;
        EXPECT_EQ(view->list(look("overlays").id).size(), 1U) << what;
    };
    poke(length_in_table, sectors(total - 1));
    expect("a sector shorter");
    poke(length_in_table, sectors(total));
    poke(total_32, sectors(2 * total));
    expect("a FAT twice as long");
}

// Only what lies past the end is not there, and says so when it is opened.
TEST_F(ViewTest, OfAFatThatIsCutOffOnlyWhatLiesPastTheEndFails) {
    add("late.bin", std::string(4 * cluster, 'l'));
    open();
    const auto late = view->pieces(look("late.bin").id, 10);
    ASSERT_EQ(late.size(), 1U);
    view.reset();
    const auto whole = std::filesystem::file_size(image);
    const auto expect = [&](int error, const std::string& what) {
        open();
        EXPECT_EQ(contents("kernel8.img"), std::string(5 * cluster, 'k')) << what;
        EXPECT_EQ(error_of([&] { view->open(look("late.bin").id); }), error) << what;
    };
    std::filesystem::resize_file(image, late[0].end());
    expect(0, "an image that ends after the last file");
    std::filesystem::resize_file(image, late[0].end() - 1);
    expect(EIO, "an image that ends a byte before");
    std::filesystem::resize_file(image, whole);
    poke(late[0].offset, std::string(4 * cluster, 'l'));
    const auto end = static_cast<std::uint32_t>((late[0].end() - fat_partition_offset) / 512);
    poke(446 + 12, sectors(end));
    expect(0, "a partition that ends after the last file");
    poke(446 + 12, sectors(end - 1));
    expect(EIO, "a partition that ends a sector before");
}

TEST_F(ViewTest, ReasonsWhyAnImageCannotBeShown) {
    const auto reason = [&](TreeOptions options = {}) -> std::string {
        try {
            open(options);
            return "";
        } catch (const std::exception& e) {
            return e.what();
        }
    };
    TreeOptions second;
    second.partition.number = 2;
    EXPECT_NE(reason(second).find("partition 2 holds no FAT"), std::string::npos);
    second.partition.number = 7;
    EXPECT_NE(reason(second).find("no partition 7: choose one of 1, 2"), std::string::npos);
    poke(fat_partition_offset + 3, "NTFS    ");
    EXPECT_NE(reason().find("NTFS"), std::string::npos);
    poke(fat_partition_offset + 3, "EXFAT   ");
    EXPECT_NE(reason().find("exFAT"), std::string::npos);
    std::filesystem::resize_file(image, 0);
    EXPECT_NE(reason().find("empty"), std::string::npos);
}

// What fuzzers and other programs put in the place of a file.
class InMemory final : public image::Source {
public:
    explicit InMemory(std::string bytes) : bytes_(std::move(bytes)) {}
    const std::string& name() const override { return name_; }
    std::uint64_t size() const override { return bytes_.size(); }
    bool read(std::uint64_t offset, std::span<std::byte> data) const override {
        if (offset > bytes_.size() || data.size() > bytes_.size() - offset)
            return false;
        std::memcpy(data.data(), bytes_.data() + offset, data.size());
        return true;
    }
    image::Stamp stamp() const override { return {bytes_.size(), {}, {}}; }
    bool stamp_tells() const override { return true; }
    std::optional<ring::ImageId> id() const override { return std::nullopt; }
    uid_t owner() const override { return ::geteuid(); }
    bool is_still_there() const override { return true; }

private:
    std::string name_ = "memory";
    std::string bytes_;
};

TEST_F(ViewTest, AnImageNeedNotBeAFile) {
    const auto memory = std::make_shared<InMemory>(read_file(image));
    TreeOptions options;
    options.open = [&](const std::string&) { return memory; };
    view = std::make_unique<View>(View::Options{"memory", options});
    EXPECT_EQ(view->status(root_id).mode, Mode::poll);
    const auto file = view->lookup(root_id, "cmdline.txt");
    std::string content(4, ' ');
    EXPECT_EQ(view->read(*view->open(file.id), 0, std::as_writable_bytes(std::span{content})), 4U);
    EXPECT_EQ(content, "old\n");
}

} // namespace
