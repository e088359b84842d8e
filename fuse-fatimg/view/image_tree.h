// One image as a tree of nodes, kept true to the image.
//
// Whatever a node was made from is entered in an index by the range of the image it was read from:
// a directory's clusters, the FAT sectors of a chain, a file's data, the boot sector. The feed
// reports changed ranges. A hit in a file's data kills that version of it. A hit in anything that
// is shared with neighbours (a directory, a FAT sector, the layout) only marks it; before it is
// used again it is read again, compared, and only real differences kill.
//
// The order is what makes it right: a thing is read, entered in the index, and then the feed is
// asked once more. If the range was written in between, the thing is thrown away (Unsettled) and
// the caller starts over.
#pragma once

#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/image/source.h"
#include "fuse-fatimg/view/change_feed.h"
#include "fuse-fatimg/view/layout.h"
#include "fuse-fatimg/view/node.h"
#include "fuse-fatimg/view/node_table.h"
#include "fuse-fatimg/view/range_index.h"

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace bootview::view {

// Something needed is being written at this moment: try again soon.
struct Unsettled : std::exception {
    const char* what() const noexcept override { return "is being written"; }
};

// What is there contradicts itself: half-done, if the image is being written, or broken.
struct Damaged : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct TreeOptions {
    PartitionChoice partition;
    std::string notify;                             // see ChangeFeed
    image::OpenSource open = image::open_source;    // how the bytes of an image are had
    std::shared_ptr<const fat::CodePage> code_page; // of 8.3 names; null: 437
};

// Not thread-safe: the view's lock guards it, and is held in every call.
class ImageTree final : public std::enable_shared_from_this<ImageTree>, private ChangeListener {
public:
    // `number` tells images apart in inode numbers. Throws std::system_error, or fat::Refused when
    // the image holds no FAT.
    static std::shared_ptr<ImageTree> open(const std::string& path, const TreeOptions& options,
                                           NodeTable& nodes, std::uint64_t number, NodeId root);

    const std::shared_ptr<DirectoryNode>& root() const { return root_; }
    // Shared, because a read goes on without the lock, and the path may lead elsewhere by then.
    const std::shared_ptr<const image::Source>& file() const { return file_; }
    ChangeFeed& feed() { return *feed_; }

    // Takes in everything that changed up to now, and follows the path to a new file.
    void catch_up();
    // Grows with every change that concerned a node; not in mode poll, which never rests.
    std::uint64_t epoch() const { return epoch_; }
    // Calls that waited for a writer to be done with something.
    void note_wait() { ++waits_; }
    std::uint64_t waits() const { return waits_; }

    // Throws ESTALE (std::system_error) if the node is of the past, Unsettled, Damaged.
    void validate(Node& node);
    // A directory's current entries. The node must be valid.
    std::shared_ptr<const Listing> listing(DirectoryNode& directory);
    // The node for a name in a valid directory; throws ENOENT. With partition=all the names in the
    // root are p1, p2 ….
    std::shared_ptr<Node> lookup(const std::shared_ptr<DirectoryNode>& directory,
                                 std::string_view name);
    // The volumes that partition=all shows; the layout is current after validate(root).
    std::vector<std::shared_ptr<const Volume>> volumes();
    // st_ino of an entry, and of a volume's root. Never 0, which readers of directories skip.
    std::uint64_t inode_of(const Listing& listing, const fat::Entry& entry) const;
    std::uint64_t inode_of(const Volume& volume) const;
    // Finds out where a valid file's data lies. Throws Damaged, or ENFILE (std::system_error) when
    // the files that are open are in more pieces than there is memory for.
    void load(FileNode& file);
    // Clusters of a volume that are free; 0 where that is not known.
    std::uint32_t free_clusters(const Volume& volume);
    // The kernel holds the node no longer.
    void drop(const std::shared_ptr<Node>& node);
    // The image is no longer shown.
    void kill_all();

    ReadAt reader_of(const Volume& volume) const;

private:
    enum class Role { data, chain, listing, layout };
    struct Dependant {
        Node* node;
        Role role;
        friend bool operator==(const Dependant&, const Dependant&) = default;
    };

    ImageTree(const std::string& path, const TreeOptions& options, NodeTable& nodes,
              std::uint64_t number);

    void range_changed(const Range& range) override;
    void everything_changed() override;
    void anything_changed() override;

    void ensure_layout();
    void take_layout(Layout layout);
    void refresh(DirectoryNode& directory);
    void compare_children(DirectoryNode& directory);
    void check_chain(FileNode& file);
    void kill(Node& node);
    void kill_children(DirectoryNode& directory);
    void unlink_from_parent(Node& node);
    void forget_dependencies(Node& node);
    void require_settled(const Range& range) const;
    void require_settled(const fat::Extents& extents) const;
    bool may_be_half_done() const;
    bool is_usable(fat::ChainState state) const;
    std::string lies_past_end(const Volume& volume) const;
    void make_room_beside(const DirectoryNode& directory);
    void make_room_for_chain();
    std::shared_ptr<Node> child(const std::shared_ptr<DirectoryNode>& directory,
                                const fat::Entry& entry);
    std::shared_ptr<Node> volume_root(const std::shared_ptr<DirectoryNode>& directory,
                                      std::string_view name);

    TreeOptions options_;
    NodeTable& nodes_;
    std::uint64_t number_;
    std::shared_ptr<const image::Source> file_;
    std::unique_ptr<ChangeFeed> feed_;
    Layout layout_;
    bool layout_suspect_ = true;
    std::string layout_problem_; // why there is no layout at the moment
    std::shared_ptr<DirectoryNode> root_;
    RangeIndex<Dependant> index_;
    std::unordered_set<Node*> all_; // of this tree, alive or dead, but for the root
    std::uint64_t epoch_ = 0;
    std::uint64_t waits_ = 0;
    struct Counted {
        std::uint64_t changes; // of the feed, when it was counted
        std::uint32_t free;
    };
    std::unordered_map<unsigned, Counted> counted_; // by partition
};

} // namespace bootview::view
