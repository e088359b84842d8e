// The view without FUSE and without nbdkit: an image file, a ring published by the test itself, and
// changes made one at a time, so that each rule can be seen alone.
#pragma once

#include "change-ring/path.h"
#include "change-ring/server.h"
#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/view/view.h"
#include "tests/support/child_process.h"
#include "tests/support/image_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/versioned_content.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace bootview::test {

using namespace view;
using ring::Kind;
using ring::Publication;
using ring::Publisher;

inline constexpr std::size_t cluster = 2048;

class ViewTest : public testing::Test {
protected:
    void SetUp() override {
        build_image(image, {.fat_bits = 16, .fat_mebibytes = 16, .sectors_per_cluster = 4});
        add("kernel8.img", std::string(5 * cluster, 'k'));
        add("cmdline.txt", "old\n");
        add("config.txt", "config\n");
        mtools({"mmd"}, image, {"::overlays"});
        add("overlays/a-long-file-name.dtbo", "overlay\n");
    }
    void TearDown() override {
        view.reset();
        if (server)
            server->stop();
    }

    void add(const std::string& name, const std::string& content) {
        add_to_image(image, name, content);
    }
    // Attached to a ring that this test publishes.
    void open_attached(TreeOptions options = {}) {
        const Descriptor fd{::open(image.c_str(), O_RDONLY | O_CLOEXEC)};
        server = std::make_unique<ring::Server>(ring::Access{});
        publisher = std::make_shared<Publisher>(ring::identify(fd.get()), 0, nullptr, 64);
        server->add(publisher, directory / "ring.sock");
        server->start();
        options.notify = directory / "ring.sock";
        open(options);
        ASSERT_EQ(view->status(root_id).mode, Mode::attached);
    }
    void open(TreeOptions options = {}) {
        if (options.notify.empty())
            options.notify = directory / "nobody.sock";
        view =
            std::make_unique<View>(View::Options{image, options, std::chrono::milliseconds{300}});
        view->on_death([this](NodeId id) { dead.insert(id); });
    }
    // What a client's write does: publish, change the image, done.
    void write(std::uint64_t offset, const std::string& data) {
        const Publication published{*publisher, Kind::write, offset, data.size()};
        poke(offset, data);
    }
    void poke(std::uint64_t offset, const std::string& data) const {
        const Descriptor fd{::open(image.c_str(), O_WRONLY | O_CLOEXEC)};
        ASSERT_EQ(::pwrite(fd.get(), data.data(), data.size(), static_cast<off_t>(offset)),
                  static_cast<ssize_t>(data.size()));
    }
    std::string peek(std::uint64_t offset, std::size_t size) const {
        std::string data(size, '\0');
        const Descriptor fd{::open(image.c_str(), O_RDONLY | O_CLOEXEC)};
        EXPECT_EQ(::pread(fd.get(), data.data(), size, static_cast<off_t>(offset)),
                  static_cast<ssize_t>(size));
        return data;
    }
    fat::Geometry geometry() const {
        const std::string sector = peek(fat_partition_offset, 512);
        std::array<std::byte, 512> bytes{};
        std::memcpy(bytes.data(), sector.data(), 512);
        return fat::parse_boot_sector(bytes);
    }
    std::uint64_t root_directory() const { return fat_partition_offset + geometry().root_offset; }
    std::uint64_t data_of(const fat::Entry& entry) const {
        return fat_partition_offset + geometry().offset_of(entry.first_cluster);
    }
    // A sector is written again as it is: a hit without a difference.
    void rewrite(std::uint64_t offset, std::size_t size = 512) {
        const std::uint64_t at = offset / 512 * 512;
        write(at, peek(at, size));
    }

    Attributes look(const std::string& name, NodeId parent = root_id) {
        return view->lookup(parent, name);
    }
    std::string contents(const OpenFile& file, std::size_t size, std::uint64_t offset = 0) {
        std::string data(size, '\0');
        data.resize(view->read(file, offset, std::as_writable_bytes(std::span{data})));
        return data;
    }
    std::string contents(const std::string& name) {
        const Attributes a = look(name);
        return contents(*view->open(a.id), a.entry.size);
    }
    template<typename Call>
    int error_of(Call call) {
        try {
            call();
            return 0;
        } catch (const std::system_error& e) {
            return e.code().value();
        }
    }

    TemporaryDirectory directory;
    std::string image = directory / "disk.img";
    std::unique_ptr<ring::Server> server;
    std::shared_ptr<Publisher> publisher;
    std::unique_ptr<View> view;
    std::set<NodeId> dead;
};

} // namespace bootview::test
