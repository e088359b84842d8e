// What fuse-fatimg shows: one image, or a directory of images, as a tree that is always true.
//
// fuse/ asks, this answers; it knows nothing of FUSE. Every call first takes in what changed, then
// works, then looks once more whether anything it used changed meanwhile (design promises P1, P2):
//
//     catch_up()    what was written before this call began is known from here on
//     …work…        on nodes, directories, cluster chains
//     catch_up()    something it used was written meanwhile: do it again, or for read(): ESTALE
//
// While something needed is just being written, calls wait, at most `patience`. They never make the
// writer wait (P3): there is no lock that it shares with us.
#pragma once

#include "fuse-fatimg/fat/volume_marks.h"
#include "fuse-fatimg/log.h"
#include "fuse-fatimg/view/image_list.h"
#include "fuse-fatimg/view/image_tree.h"
#include "fuse-fatimg/view/node.h"
#include "fuse-fatimg/view/node_table.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::view {

// Times are still as FAT has them, since they need a time zone to become more.
struct Attributes {
    NodeId id = 0;
    std::uint64_t inode = 0;
    bool is_directory = false;
    bool has_entry = false; // roots have none, and so no times
    fat::Entry entry;
    std::uint32_t cluster_size = 512;
};

struct DirectoryEntry {
    std::string name;
    std::uint64_t inode = 0;
    bool is_directory = false;
};

struct Space { // of one volume, in clusters
    std::uint32_t cluster_size = 512;
    std::uint32_t clusters = 0;
    std::uint32_t free = 0;
};

struct Status {
    Mode mode = Mode::poll;
    std::uint64_t epoch = 0;   // changes that concerned something shown
    std::uint32_t writers = 0; // NBD clients that may write now (mode attached)

    friend bool operator==(const Status&, const Status&) = default;
};

struct ImageStatus {
    std::string path;
    Status status;
    std::uint64_t overflows = 0; // times that its change ring went faster than the view
    std::uint64_t waits = 0;     // calls that waited for a writer to be done

    friend bool operator==(const ImageStatus&, const ImageStatus&) = default;
};

// An open file: one version of it.
class OpenFile {
public:
    explicit OpenFile(std::shared_ptr<FileNode> node) : node_(std::move(node)) { ++node_->handles; }
    ~OpenFile() { --node_->handles; }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

private:
    friend class View;
    std::shared_ptr<FileNode> node_;
};

// Any thread may call anything. Errors are std::system_error with an errno value: ENOENT, ESTALE
// (that version is of the past: look the name up again), EIO, ENOTDIR, EISDIR.
class View {
public:
    struct Options {
        std::string source; // an image, or a directory of images
        TreeOptions tree;
        // So that no request takes a second.
        std::chrono::milliseconds patience{900};
    };

    // Throws std::system_error, or fat::Refused with the reason why there is nothing to show.
    explicit View(Options options);
    ~View();
    View(const View&) = delete;
    View& operator=(const View&) = delete;

    // Called for each node that died with pages in the kernel's cache; must only note it down.
    void on_death(NodeTable::OnDeath callback);
    // Called for names that the kernel had better forget; must only note them down.
    void on_surplus(NodeTable::OnSurplus callback);

    Attributes lookup(NodeId directory, std::string_view name); // adds one to be forgotten
    void forget(NodeId id, std::uint64_t count);
    Attributes attributes(NodeId id);
    std::vector<DirectoryEntry> list(NodeId directory);
    std::shared_ptr<OpenFile> open(NodeId id);
    // Fills `data` from an offset, up to the end of the file; gives the number of bytes.
    std::size_t read(const OpenFile& file, std::uint64_t offset, std::span<std::byte> data);
    Space space(NodeId id);
    // Where a file or directory lies, in bytes of the image, in file order; E2BIG if it lies in
    // more than so many pieces.
    std::vector<Range> pieces(NodeId id, std::size_t most);
    bool is_root(NodeId id);      // of the mount, or of an image
    bool is_in_volume(NodeId id); // a file or directory of a FAT, its root among them
    bool is_volume_root(NodeId id);
    // How the volume that a node belongs to was left, by what it says now.
    fat::VolumeMarks marks(NodeId id);
    // The image that a node belongs to; of a directory of images: poll if any polls.
    Status status(NodeId id);

    // Of each image, as it is known at this moment: asks nobody.
    std::vector<ImageStatus> images() const;

    // Takes in what changed without being asked, and looks for servers that came or went. Gives
    // the descriptors whose readability means that it is time to call this again.
    std::vector<int> tend(bool& all_attached);

    std::string describe() const; // what is shown, for the log

private:
    std::shared_ptr<Node> find(NodeId id) const;
    std::shared_ptr<DirectoryNode> directory(NodeId id) const;
    static Attributes attributes_of(const Node& node);

    template<typename Work, typename Commit>
    auto settled(NodeId id, Work work, Commit commit);
    template<typename Work>
    auto settled(NodeId id, Work work) {
        return settled(id, std::move(work), [](auto result) { return result; });
    }
    void complain(const Node& node, const std::string& why);

    Options options_;
    mutable std::mutex mutex_; // guards everything below
    NodeTable nodes_;
    std::shared_ptr<ImageTree> single_; // the source is one image …
    std::unique_ptr<ImageList> images_; // … or a directory of them
    log::RateLimit complaints_;
};

} // namespace bootview::view
