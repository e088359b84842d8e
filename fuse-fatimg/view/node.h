// Nodes: what the kernel holds a number of.
//
// A file's node is one version of the file. It never changes: when the file does, the node is dead,
// requests for it answer ESTALE, and the next lookup of the name gives a new node. So whatever the
// kernel caches under a node's number stays true of it. A directory's node stays the same while
// its name leads to the same first cluster; its content is read anew when it changed.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/fat/extents.h"
#include "fuse-fatimg/image/range.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bootview::view {

class ImageTree;

using NodeId = std::uint64_t;
inline constexpr NodeId root_id = 1; // FUSE_ROOT_ID

// One FAT volume of an image. Range is in bytes of the image.
struct Volume {
    unsigned partition = 0; // 0: the image has no partition table
    Range range;
    fat::Geometry geometry;
    friend bool operator==(const Volume&, const Volume&) = default;
};

// The entries of a directory at one moment, and how to find one by name.
class Listing {
public:
    Listing() = default;
    Listing(fat::Directory directory, fat::Extents extents);

    const std::vector<fat::Entry>& entries() const { return directory_.entries; }
    // By long or short name; an exact match is preferred to one that differs in case. Null: none.
    const fat::Entry* find(std::string_view name) const;
    const fat::Entry* at_slot(std::uint32_t slot) const;
    // Where in the image a slot lies, in bytes.
    std::uint64_t address(std::uint32_t slot) const;
    const fat::Extents& extents() const { return extents_; }
    std::size_t footprint() const; // bytes of memory, roughly

private:
    fat::Directory directory_;
    fat::Extents extents_;                                         // in bytes of the image
    std::vector<std::pair<std::uint64_t, std::uint32_t>> by_name_; // hash of folded name, index
};

enum class NodeKind {
    image_list,     // the root over a directory of images
    partition_list, // the root of an image with partition=all
    directory,
    file,
};

struct DirectoryNode;

struct Node {
    NodeId id = 0;
    NodeKind kind = NodeKind::file;
    std::shared_ptr<ImageTree> tree;       // null for an image_list
    std::shared_ptr<DirectoryNode> parent; // null for the root of an image
    fat::Entry entry;                      // in the parent; unused for the root of an image
    std::uint64_t inode = 0;               // st_ino: stable over versions
    std::uint64_t lookups = 0;             // what the kernel will forget again
    unsigned live_children = 0;            // nodes that have this one as parent
    bool dead = false;

    virtual ~Node() = default;
};

struct DirectoryNode : Node {
    std::shared_ptr<const Volume> volume; // null: no volume there at the moment
    fat::Cluster first_cluster = 0;       // 0: the fixed root directory of FAT12/16
    bool fresh = false;                   // `listing` is what the image holds
    std::shared_ptr<const Listing> listing;
    std::vector<Range> read_from; // what the listing depends on, in bytes of the image
    std::unordered_map<std::uint32_t, NodeId> children; // by slot; known to the kernel and alive
    bool is_volume_root() const { return parent == nullptr || parent->kind != NodeKind::directory; }
};

struct FileNode : Node {
    // Known once the file was opened:
    bool loaded = false;
    bool chain_suspect = false;                  // a FAT sector that it was read from was written
    bool superseded = false;                     // poll: may have changed; lookups give a new node
    std::shared_ptr<const fat::Extents> extents; // in bytes of the image
    std::vector<Range> fat_bytes;                // the same: what they were read from
    std::atomic<unsigned> handles = 0;           // through which it is open
};

} // namespace bootview::view
