#include "fuse-fatimg/view/image_tree.h"

#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/fat/free_space.h"
#include "fuse-fatimg/image/packed.h"
#include "fuse-fatimg/log.h"
#include "fuse-fatimg/view/boot_partition.h"
#include "fuse-fatimg/view/fail.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace bootview::view {

namespace {

// What may be kept in memory of all images together. Beyond it, what was not asked for longest
// goes, and is read again when it is asked for.
constexpr std::size_t maximum_of_listings = std::size_t{32} << 20;
constexpr std::size_t usual_of_chains = std::size_t{32} << 20;
constexpr std::size_t maximum_of_chains = std::size_t{120} << 20; // those of open files can't go

// How long a client may keep a change back that it has half written: Linux writes what is dirty for
// 30 s, looking every 5 s (Documentation/admin-guide/sysctl/vm.rst, dirty_expire_centisecs).
constexpr auto longest_half_done = std::chrono::seconds{40};
// The same where no client says that it has the volume mounted: mtools and the like.
constexpr auto usual_half_done = std::chrono::seconds{1};

std::vector<Range> shifted(const std::vector<Range>& ranges, std::uint64_t by) {
    std::vector<Range> result = ranges;
    for (Range& range : result)
        range.offset += by;
    return result;
}

// Inode numbers: the image in the high bits, then where the entry lies, counted in entries. They
// stay while a file is rewritten, and differ from the number of the root.
std::uint64_t inode_number(std::uint64_t image, std::uint64_t address) {
    return image << 48 | (address / fat::slot_size + 2);
}

} // namespace

ImageTree::ImageTree(const std::string& path, const TreeOptions& options, NodeTable& nodes,
                     std::uint64_t number)
    : options_(options), nodes_(nodes), number_(number), file_(options_.open(path)) {}

std::shared_ptr<ImageTree> ImageTree::open(const std::string& path, const TreeOptions& options,
                                           NodeTable& nodes, std::uint64_t number, NodeId root) {
    std::shared_ptr<ImageTree> tree{new ImageTree(path, options, nodes, number)};
    // Before the image is read for the first time, so that nothing after that goes unseen.
    ChangeListener& listener = *tree;
    tree->feed_ = std::make_unique<ChangeFeed>(*tree->file_, options.notify, listener);
    if (const std::string reason = image::packed(*tree->file_); !reason.empty())
        throw fat::Refused(reason);
    const ReadAt read = [&file = *tree->file_](std::uint64_t offset, std::span<std::byte> data) {
        return file.read(offset, data);
    };
    const std::uint64_t size = tree->file_->size();
    Layout layout = read_layout(read, size, options.partition);

    tree->root_ = std::make_shared<DirectoryNode>();
    tree->root_->kind = options.partition.all ? NodeKind::partition_list : NodeKind::directory;
    tree->root_->inode = number == 0 ? root_id : inode_number(number, 0);
    tree->root_->tree = tree;
    if (root != 0)
        nodes.insert_as(root, tree->root_);
    else
        nodes.insert(tree->root_);
    tree->take_layout(std::move(layout));
    tree->feed_->announce();
    try {
        for (const std::string& remark : all_remarks(read, size, tree->layout_))
            log::warning(fmt::format("{}: {}", path, remark));
        if (const auto better = better_partition(read, size, options.partition))
            log::warning(fmt::format("{}: {}", path, better->describe()));
    } catch (const std::exception&) {
        // They look at other partitions, too. What can't be read there is no reason not to show
        // this one.
    }
    return tree;
}

ReadAt ImageTree::reader_of(const Volume& volume) const {
    return [file = file_.get(), range = volume.range](std::uint64_t offset,
                                                      std::span<std::byte> data) {
        return offset <= range.length && data.size() <= range.length - offset &&
               file->read(range.offset + offset, data);
    };
}

// --- What changed -------------------------------------------------------------------------------

void ImageTree::catch_up() {
    if (!file_->is_still_there()) {
        try {
            auto replacement = options_.open(file_->name());
            log::info(fmt::format("{}: was replaced by another file", file_->name()));
            everything_changed();
            feed_.reset();
            file_ = std::move(replacement);
            ChangeListener& listener = *this;
            feed_ = std::make_unique<ChangeFeed>(*file_, options_.notify, listener);
            feed_->announce();
        } catch (const std::exception&) {
            // Gone, for the moment or for good: the open file still holds what it held.
        }
    }
    feed_->catch_up();
}

void ImageTree::range_changed(const Range& range) {
    if (!layout_problem_.empty()) // any write may be the one that mends it
        layout_suspect_ = true;
    for (const Dependant& hit : index_.hit_by(range)) {
        switch (hit.role) {
        case Role::data:
            if (!static_cast<FileNode*>(hit.node)->extents->overlaps(range))
                continue; // it lies between the pieces
            kill(*hit.node);
            break;
        case Role::chain:
            static_cast<FileNode*>(hit.node)->chain_suspect = true;
            break;
        case Role::listing:
            static_cast<DirectoryNode*>(hit.node)->fresh = false;
            break;
        case Role::layout:
            layout_suspect_ = true;
            break;
        }
        ++epoch_;
    }
}

void ImageTree::everything_changed() {
    ++epoch_;
    layout_suspect_ = true;
    if (root_)
        root_->fresh = false;
    for (Node* node : std::vector<Node*>(all_.begin(), all_.end())) {
        if (node->kind == NodeKind::file)
            kill(*node);
        else
            static_cast<DirectoryNode*>(node)->fresh = false;
    }
}

void ImageTree::anything_changed() {
    layout_suspect_ = true;
    if (root_)
        root_->fresh = false;
    for (Node* node : all_) {
        if (node->kind != NodeKind::file) {
            static_cast<DirectoryNode*>(node)->fresh = false;
            continue;
        }
        auto& file = static_cast<FileNode&>(*node);
        file.superseded = file.superseded || file.loaded;
        file.chain_suspect = file.chain_suspect || file.loaded;
    }
}

void ImageTree::kill(Node& node) {
    if (node.dead)
        return;
    node.dead = true;
    ++epoch_;
    forget_dependencies(node);
    unlink_from_parent(node);
    if (node.kind == NodeKind::file) {
        if (static_cast<FileNode&>(node).loaded) // or there can be no cached pages
            nodes_.report_death(node.id);
    } else {
        kill_children(static_cast<DirectoryNode&>(node));
    }
}

void ImageTree::kill_children(DirectoryNode& directory) {
    const auto children = std::move(directory.children);
    directory.children.clear();
    for (const auto& [slot, id] : children)
        if (const auto node = nodes_.find(id))
            kill(*node);
}

void ImageTree::kill_all() {
    for (Node* node : std::vector<Node*>(all_.begin(), all_.end()))
        kill(*node);
    root_->dead = true;
    nodes_.erase(root_->id);
    root_->tree.reset(); // which is this: nobody else would let go of it
}

void ImageTree::unlink_from_parent(Node& node) {
    if (!node.parent)
        return;
    const auto found = node.parent->children.find(node.entry.slot);
    if (found != node.parent->children.end() && found->second == node.id)
        node.parent->children.erase(found);
}

void ImageTree::forget_dependencies(Node& node) {
    if (node.kind == NodeKind::file) {
        auto& file = static_cast<FileNode&>(node);
        if (!file.loaded)
            return;
        for (const Range& range : file.extents->covering())
            index_.remove(range, {&node, Role::data});
        for (const Range& range : file.fat_bytes)
            index_.remove(range, {&node, Role::chain});
        nodes_.chains.remove(&file);
        // The kernel may remember a dead node for long; who reads it has these for himself.
        file.extents.reset();
        file.fat_bytes = {};
        return;
    }
    auto& directory = static_cast<DirectoryNode&>(node);
    for (const Range& range : directory.read_from)
        index_.remove(range, {&node, Role::listing});
    directory.read_from.clear();
    directory.fresh = false;
    nodes_.listings.remove(&directory);
}

void ImageTree::drop(const std::shared_ptr<Node>& node) {
    if (node == root_)
        return;
    // A parent that the kernel has forgotten stays while a child still leads to it.
    if (node->live_children > 0)
        return;
    // Two threads can come to drop one node: one that found it and did not need it, and one that
    // the kernel made forget it in between. It counts once.
    if (all_.erase(node.get()) == 0)
        return;
    if (!node->dead) {
        forget_dependencies(*node);
        unlink_from_parent(*node);
        node->dead = true;
    }
    nodes_.erase(node->id);
    if (const auto parent = node->parent) {
        --parent->live_children;
        if (parent->lookups == 0)
            drop(parent);
    }
}

// --- Checking what is known against what changed ------------------------------------------------

void ImageTree::require_settled(const Range& range) const {
    if (feed_->in_flight(range))
        throw Unsettled{};
}

void ImageTree::require_settled(const fat::Extents& extents) const {
    extents.for_each(0, extents.size(), [&](const Range& range) {
        require_settled(range);
        return true;
    });
}

// May what looks like damage be a client's change on its way? If so, it is not shown, even where
// Linux would, which cannot tell.
bool ImageTree::may_be_half_done() const {
    return feed_->changed_within(usual_half_done) ||
           (layout_.in_use && feed_->changed_within(longest_half_done));
}

// A free last cluster is one of the things that Linux shows.
bool ImageTree::is_usable(fat::ChainState state) const {
    return state == fat::ChainState::complete ||
           (state == fat::ChainState::last_is_free && !may_be_half_done());
}

std::string ImageTree::lies_past_end(const Volume& volume) const {
    return fmt::format("lies past the end of the {}",
                       volume.range.end() + 512 > file_->size() ? "image" : "partition");
}

void ImageTree::make_room_beside(const DirectoryNode& directory) {
    while (nodes_.listings.total() > maximum_of_listings) {
        DirectoryNode* const oldest = nodes_.listings.oldest(
            [&](const DirectoryNode& other) { return &other != &directory; });
        if (oldest == nullptr)
            return;
        oldest->tree->forget_dependencies(*oldest);
        oldest->listing.reset();
    }
}

void ImageTree::make_room_for_chain() {
    while (nodes_.chains.total() > usual_of_chains) {
        FileNode* const oldest =
            nodes_.chains.oldest([](const FileNode& file) { return file.handles == 0; });
        if (oldest == nullptr)
            return;
        // With its chain goes the version: nobody would know when the pages that the kernel has of
        // it grow old.
        oldest->tree->kill(*oldest);
    }
}

void ImageTree::take_layout(Layout layout) {
    for (const Range& range : layout_.read_from)
        index_.remove(range, {root_.get(), Role::layout});
    layout_ = std::move(layout);
    for (const Range& range : layout_.read_from)
        index_.add(range, {root_.get(), Role::layout});
    layout_suspect_ = false;
    layout_problem_.clear();
    if (root_->kind == NodeKind::directory && root_->volume != layout_.volumes.front()) {
        forget_dependencies(*root_);
        root_->volume = layout_.volumes.front();
        root_->first_cluster = root_->volume->geometry.root_cluster;
    }
    feed_->catch_up();
    if (layout_suspect_ && feed_->mode() == Mode::attached)
        throw Unsettled{};
}

void ImageTree::ensure_layout() {
    if (layout_suspect_) {
        for (const Range& range : layout_.read_from)
            require_settled(range);
        try {
            Layout now =
                read_layout([this](std::uint64_t offset,
                                   std::span<std::byte> data) { return file_->read(offset, data); },
                            file_->size(), options_.partition);
            const bool unchanged =
                layout_problem_.empty() &&
                std::equal(now.volumes.begin(), now.volumes.end(), layout_.volumes.begin(),
                           layout_.volumes.end(),
                           [](const auto& a, const auto& b) { return *a == *b; });
            if (unchanged)
                now.volumes = layout_.volumes; // the ones that nodes point to
            else
                kill_children(*root_);
            take_layout(std::move(now));
        } catch (const fat::Refused& e) {
            if (layout_problem_.empty())
                kill_children(*root_);
            layout_problem_ = e.what();
            layout_suspect_ = false;
        }
    }
    if (!layout_problem_.empty())
        throw Damaged(layout_problem_);
}

void ImageTree::validate(Node& node) {
    if (node.dead)
        fail(ESTALE);
    if (&node == root_.get()) {
        ensure_layout();
        return;
    }
    validate(*node.parent);
    if (node.parent->kind == NodeKind::directory)
        listing(*node.parent); // compares its children with what is there now
    if (node.dead)
        fail(ESTALE);
    if (node.kind == NodeKind::file && static_cast<FileNode&>(node).chain_suspect)
        check_chain(static_cast<FileNode&>(node));
    if (node.dead)
        fail(ESTALE);
}

std::shared_ptr<const Listing> ImageTree::listing(DirectoryNode& directory) {
    if (!directory.fresh) {
        refresh(directory);
        compare_children(directory);
    }
    nodes_.listings.use(&directory);
    return directory.listing;
}

void ImageTree::refresh(DirectoryNode& directory) {
    const Volume& volume = *directory.volume;
    const fat::Geometry& geometry = volume.geometry;
    const ReadAt reader = reader_of(volume);

    fat::Chain chain;
    const bool fixed = directory.is_volume_root() && geometry.type != fat::Type::fat32;
    if (fixed)
        chain.extents = fat::Extents::of(
            {geometry.root_offset, std::uint64_t{geometry.root_entries} * fat::slot_size});
    else
        chain = fat::read_directory_chain(reader, geometry, directory.first_cluster);
    chain.extents.shift(volume.range.offset);
    const std::vector<Range> pieces = chain.extents.ranges();

    // Entered in the index before it is read, so that a write from here on shows.
    forget_dependencies(directory);
    directory.read_from = shifted(chain.fat_bytes, volume.range.offset);
    directory.read_from.insert(directory.read_from.end(), pieces.begin(), pieces.end());
    for (const Range& range : directory.read_from)
        index_.add(range, {&directory, Role::listing});
    for (const Range& range : directory.read_from)
        require_settled(range);
    if (!is_usable(chain.state))
        throw Damaged(
            fmt::format("directory '{}': {}", directory.entry.name, fat::describe(chain.state)));

    std::vector<std::byte> data;
    for (const Range& piece : pieces) {
        data.resize(data.size() + piece.length);
        if (piece.end() > volume.range.end() ||
            !file_->read(piece.offset, std::span{data}.last(piece.length)))
            throw Damaged(
                fmt::format("directory '{}': {}", directory.entry.name, lies_past_end(volume)));
    }
    fat::Directory parsed = fat::parse_directory(
        data, geometry.type, options_.code_page ? *options_.code_page : fat::CodePage::cp437());
    // Linux is content with any two directories in it.
    if (!directory.is_volume_root() && !parsed.begins_with_dots &&
        (parsed.directories < 2 || may_be_half_done()))
        throw Damaged(
            fmt::format("directory '{}': does not begin with '.' and '..'", directory.entry.name));

    directory.fresh = true;
    feed_->catch_up();
    if (!directory.fresh && feed_->mode() == Mode::attached)
        throw Unsettled{};
    directory.listing = std::make_shared<Listing>(std::move(parsed), std::move(chain.extents));
    nodes_.listings.put(&directory, directory.listing->footprint());
    make_room_beside(directory);
}

// After a directory was read again: what its nodes know must still be what it says.
void ImageTree::compare_children(DirectoryNode& directory) {
    std::vector<std::shared_ptr<Node>> gone;
    for (const auto& [slot, id] : directory.children) {
        const auto node = nodes_.find(id);
        const fat::Entry* entry = directory.listing->at_slot(slot);
        if (!node)
            continue;
        if (node->kind == NodeKind::file) {
            if (entry == nullptr || !entry->is_same_version(node->entry))
                gone.push_back(node);
        } else if (entry == nullptr || !entry->is_directory() || entry->name != node->entry.name ||
                   entry->first_cluster != node->entry.first_cluster) {
            gone.push_back(node);
        } else {
            node->entry = *entry; // its times may be new
        }
    }
    for (const auto& node : gone)
        kill(*node);
}

void ImageTree::check_chain(FileNode& file) {
    const Volume& volume = *file.parent->volume;
    for (const Range& range : file.fat_bytes)
        require_settled(range);
    file.chain_suspect = false;
    const fat::Chain now = fat::read_file_chain(reader_of(volume), volume.geometry,
                                                file.entry.first_cluster, file.entry.size);
    if (now.extents != *file.extents ||
        shifted(now.fat_bytes, volume.range.offset) != file.fat_bytes || !is_usable(now.state)) {
        kill(file);
        return;
    }
    feed_->catch_up();
    if (file.chain_suspect && feed_->mode() == Mode::attached)
        throw Unsettled{};
}

// --- Finding and opening ------------------------------------------------------------------------

std::vector<std::shared_ptr<const Volume>> ImageTree::volumes() {
    return layout_.volumes;
}

std::shared_ptr<Node> ImageTree::lookup(const std::shared_ptr<DirectoryNode>& directory,
                                        std::string_view name) {
    if (directory->kind == NodeKind::partition_list)
        return volume_root(directory, name);
    const auto entries = listing(*directory);
    const fat::Entry* entry = entries->find(name);
    if (entry == nullptr)
        fail(ENOENT);
    return child(directory, *entry);
}

std::shared_ptr<Node> ImageTree::child(const std::shared_ptr<DirectoryNode>& directory,
                                       const fat::Entry& entry) {
    if (const auto known = directory->children.find(entry.slot);
        known != directory->children.end()) {
        const auto node = nodes_.find(known->second);
        if (node->kind != NodeKind::file)
            return node;
        auto& file = static_cast<FileNode&>(*node);
        if (file.chain_suspect)
            check_chain(file);
        if (!file.dead && !file.superseded)
            return node;
        if (!file.dead) { // serves those who have it open, and is not handed out again
            directory->children.erase(known);
            nodes_.report_death(file.id);
        }
    }

    std::shared_ptr<Node> node;
    if (entry.is_directory()) {
        const fat::Geometry& geometry = directory->volume->geometry;
        if (!geometry.contains(entry.first_cluster) ||
            (geometry.type == fat::Type::fat32 && entry.first_cluster == geometry.root_cluster))
            throw Damaged(
                fmt::format("directory '{}': its first cluster is impossible", entry.name));
        // Whoever walks the tree would not come to an end.
        for (const DirectoryNode* above = directory.get(); above != nullptr;
             above = above->parent.get())
            if (above->kind == NodeKind::directory && above->first_cluster == entry.first_cluster)
                throw Damaged(fmt::format("directory '{}': contains itself", entry.name));
        auto made = std::make_shared<DirectoryNode>();
        made->volume = directory->volume;
        made->first_cluster = entry.first_cluster;
        node = std::move(made);
        node->kind = NodeKind::directory;
    } else {
        node = std::make_shared<FileNode>();
        node->kind = NodeKind::file;
    }
    node->tree = shared_from_this();
    node->parent = directory;
    node->entry = entry;
    node->inode = inode_of(*directory->listing, entry);
    nodes_.insert(node);
    all_.insert(node.get());
    ++directory->live_children;
    directory->children[entry.slot] = node->id;
    return node;
}

std::uint64_t ImageTree::inode_of(const Listing& listing, const fat::Entry& entry) const {
    return inode_number(number_, listing.address(entry.slot));
}

std::uint64_t ImageTree::inode_of(const Volume& volume) const {
    return inode_number(number_, volume.range.offset);
}

// partition=all: the root's children, one for each volume, by the partition's number.
std::shared_ptr<Node> ImageTree::volume_root(const std::shared_ptr<DirectoryNode>& directory,
                                             std::string_view name) {
    for (const auto& volume : layout_.volumes) {
        if (name != fmt::format("p{}", volume->partition))
            continue;
        if (const auto known = directory->children.find(volume->partition);
            known != directory->children.end())
            return nodes_.find(known->second);
        auto node = std::make_shared<DirectoryNode>();
        node->kind = NodeKind::directory;
        node->tree = shared_from_this();
        node->parent = directory;
        node->volume = volume;
        node->first_cluster = volume->geometry.root_cluster;
        node->entry.name = name;
        node->entry.slot = volume->partition;
        node->inode = inode_of(*volume);
        nodes_.insert(node);
        all_.insert(node.get());
        ++directory->live_children;
        directory->children[volume->partition] = node->id;
        return node;
    }
    fail(ENOENT);
}

void ImageTree::load(FileNode& file) {
    if (file.loaded)
        return;
    const Volume& volume = *file.parent->volume;
    make_room_for_chain();
    fat::Chain chain = fat::read_file_chain(reader_of(volume), volume.geometry,
                                            file.entry.first_cluster, file.entry.size);
    if (nodes_.chains.total() + chain.extents.footprint() > maximum_of_chains)
        fail(ENFILE);
    chain.extents.shift(volume.range.offset);
    std::vector<Range> fat_bytes = shifted(chain.fat_bytes, volume.range.offset);
    require_settled(chain.extents);
    for (const Range& range : fat_bytes)
        require_settled(range);
    if (!is_usable(chain.state))
        throw Damaged(fmt::format("file '{}': {}", file.entry.name, fat::describe(chain.state)));
    const std::vector<Range> covering = chain.extents.covering();
    if (!covering.empty() && covering.back().end() > std::min(volume.range.end(), file_->size()))
        throw Damaged(fmt::format("file '{}': {}", file.entry.name, lies_past_end(volume)));

    nodes_.chains.put(&file, chain.extents.footprint() + fat_bytes.size() * sizeof(fat_bytes[0]));
    file.extents = std::make_shared<const fat::Extents>(std::move(chain.extents));
    file.fat_bytes = std::move(fat_bytes);
    file.loaded = true;
    file.chain_suspect = false;
    for (const Range& range : covering)
        index_.add(range, {&file, Role::data});
    for (const Range& range : file.fat_bytes)
        index_.add(range, {&file, Role::chain});
    feed_->catch_up();
    if (file.dead)
        fail(ESTALE);
    if (file.chain_suspect && feed_->mode() == Mode::attached)
        throw Unsettled{};
}

std::uint32_t ImageTree::free_clusters(const Volume& volume) {
    const auto known = counted_.find(volume.partition);
    if (known != counted_.end() && known->second.changes == feed_->changes())
        return known->second.free;
    const std::uint64_t changes = feed_->changes();
    const std::uint32_t free = fat::count_free(reader_of(volume), volume.geometry).value_or(0);
    counted_[volume.partition] = {changes, free};
    return free;
}

} // namespace bootview::view
