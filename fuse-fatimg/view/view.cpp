#include "fuse-fatimg/view/view.h"

#include "fuse-fatimg/view/fail.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <sys/stat.h>

namespace bootview::view {

namespace {

using Clock = std::chrono::steady_clock;

// How long an image must have been quiet before what is damaged in it counts as broken, rather
// than half-done.
constexpr auto half_done = std::chrono::milliseconds{1000};

Status status_of(ImageTree& tree) {
    return {tree.feed().mode(), tree.epoch(), tree.feed().writers()};
}

} // namespace

View::View(Options options) : options_(std::move(options)) {
    // Whatever is no directory is an image, and need not be a file.
    struct stat status {};
    if (::stat(options_.source.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        single_ = ImageTree::open(options_.source, options_.tree, nodes_, 0, root_id);
        return;
    }
    auto root = std::make_shared<Node>();
    root->kind = NodeKind::image_list;
    root->inode = root_id;
    nodes_.insert_as(root_id, root);
    images_ = std::make_unique<ImageList>(options_.source, options_.tree, nodes_);
    images_->look();
}

View::~View() {
    if (single_)
        single_->kill_all();
}

void View::on_death(NodeTable::OnDeath callback) {
    const std::scoped_lock lock{mutex_};
    nodes_.on_death(std::move(callback));
}

void View::on_surplus(NodeTable::OnSurplus callback) {
    const std::scoped_lock lock{mutex_};
    nodes_.on_surplus(std::move(callback));
}

std::shared_ptr<Node> View::find(NodeId id) const {
    auto node = nodes_.find(id);
    if (!node)
        fail(ESTALE);
    return node;
}

std::shared_ptr<DirectoryNode> View::directory(NodeId id) const {
    auto node = find(id);
    if (node->kind == NodeKind::file)
        fail(ENOTDIR);
    return std::static_pointer_cast<DirectoryNode>(node);
}

// Runs `work` on a node until nothing it used changed while it ran, and then `commit` on what it
// gave. The lock is held while they run, and not while this waits.
template<typename Work, typename Commit>
auto View::settled(NodeId id, Work work, Commit commit) {
    const auto deadline = Clock::now() + options_.patience;
    bool waited = false;
    for (auto pause = std::chrono::microseconds{100};;
         pause = std::min(pause * 2, std::chrono::microseconds{5000})) {
        std::unique_lock lock{mutex_};
        const std::shared_ptr<Node> node = find(id);
        ImageTree* tree = node->tree.get();
        try {
            if (tree == nullptr)
                return commit(work(*node));
            tree->catch_up();
            const std::uint64_t epoch = tree->epoch();
            tree->validate(*node);
            auto result = work(*node);
            tree->catch_up();
            if (tree->epoch() == epoch || Clock::now() >= deadline)
                return commit(std::move(result));
            // What was used is known to be valid up to a moment ago, so nothing needs waiting for.
            pause = std::chrono::microseconds{0};
        } catch (const Unsettled& e) {
            if (Clock::now() >= deadline) {
                complain(*node, e.what());
                fail(EIO);
            }
        } catch (const Damaged& e) {
            if (Clock::now() >= deadline || !tree->feed().changed_within(half_done)) {
                complain(*node, e.what());
                fail(EIO);
            }
        }
        if (pause.count() > 0 && !std::exchange(waited, true))
            tree->note_wait();
        lock.unlock();
        if (pause.count() > 0)
            std::this_thread::sleep_for(pause);
        else
            pause = std::chrono::microseconds{100};
    }
}

void View::complain(const Node& node, const std::string& why) {
    std::uint64_t dropped = 0;
    if (!complaints_.allow(dropped))
        return;
    log::warning(fmt::format("{}: {}{}{}", node.tree->file()->name(),
                             node.entry.name.empty() ? "" : "'" + node.entry.name + "': ", why,
                             dropped > 0 ? fmt::format(" (and {} more complaints)", dropped) : ""));
}

Attributes View::attributes_of(const Node& node) {
    Attributes attributes;
    attributes.id = node.id;
    attributes.inode = node.inode;
    attributes.is_directory = node.kind != NodeKind::file;
    attributes.has_entry = node.parent != nullptr && node.parent->kind == NodeKind::directory;
    attributes.entry = node.entry;
    if (node.parent && node.parent->volume)
        attributes.cluster_size = node.parent->volume->geometry.cluster_size;
    return attributes;
}

Attributes View::lookup(NodeId id, std::string_view name) {
    {
        const std::scoped_lock lock{mutex_};
        if (find(id)->kind == NodeKind::image_list) {
            const auto tree = images_->find(name);
            if (!tree)
                fail(ENOENT);
            tree->catch_up();
            return attributes_of(*tree->root());
        }
    }
    std::shared_ptr<Node> found;
    // A node that the kernel never heard of will never be forgotten by it.
    const auto drop_unused = [&] {
        if (found && found->lookups == 0)
            found->tree->drop(found);
        found.reset();
    };
    try {
        return settled(
            id,
            [&](Node& parent) {
                if (parent.kind == NodeKind::file)
                    fail(ENOTDIR);
                if (found && found->dead)
                    drop_unused();
                found = parent.tree->lookup(directory(id), name);
                return found;
            },
            [this](const std::shared_ptr<Node>& node) {
                ++node->lookups;
                nodes_.report_surplus();
                return attributes_of(*node);
            });
    } catch (...) {
        const std::scoped_lock lock{mutex_};
        drop_unused();
        throw;
    }
}

void View::forget(NodeId id, std::uint64_t count) {
    const std::scoped_lock lock{mutex_};
    const auto node = nodes_.find(id);
    if (!node || id == root_id || !node->tree)
        return;
    node->lookups -= std::min(count, node->lookups);
    if (node->lookups == 0)
        node->tree->drop(node);
}

Attributes View::attributes(NodeId id) {
    return settled(id, [](Node& node) { return attributes_of(node); });
}

std::vector<DirectoryEntry> View::list(NodeId id) {
    return settled(id, [&](Node& node) {
        std::vector<DirectoryEntry> entries;
        if (node.kind == NodeKind::image_list) {
            for (const auto& image : images_->look())
                entries.push_back({image.name, image.tree->root()->inode, true});
            return entries;
        }
        if (node.kind == NodeKind::file)
            fail(ENOTDIR);
        auto& where = static_cast<DirectoryNode&>(node);
        if (node.kind == NodeKind::partition_list) {
            for (const auto& volume : node.tree->volumes())
                entries.push_back(
                    {fmt::format("p{}", volume->partition), node.tree->inode_of(*volume), true});
            return entries;
        }
        const auto listing = node.tree->listing(where);
        entries.reserve(listing->entries().size());
        for (const fat::Entry& entry : listing->entries())
            entries.push_back(
                {entry.name, node.tree->inode_of(*listing, entry), entry.is_directory()});
        return entries;
    });
}

std::shared_ptr<OpenFile> View::open(NodeId id) {
    return settled(id, [&](Node& node) {
        if (node.kind != NodeKind::file)
            fail(EISDIR);
        node.tree->load(static_cast<FileNode&>(node));
        return std::make_shared<OpenFile>(std::static_pointer_cast<FileNode>(nodes_.find(id)));
    });
}

std::size_t View::read(const OpenFile& open_file, std::uint64_t offset, std::span<std::byte> data) {
    const FileNode& file = *open_file.node_;
    struct Source {
        std::shared_ptr<const image::Source> image;
        std::shared_ptr<const fat::Extents> extents;
    };
    const Source source = settled(file.id, [&](Node& node) {
        return Source{node.tree->file(), file.extents};
    });

    // Without the lock: this is where the time goes.
    std::size_t done = 0;
    const bool complete = source.extents->for_each(offset, data.size(), [&](const Range& piece) {
        const bool there = source.image->read(piece.offset, data.subspan(done, piece.length));
        done += piece.length;
        return there;
    });
    if (!complete)
        fail(EIO);

#ifndef BOOTVIEW_FAULT_NO_END_CHECK
    // The end-of-request check: were these bytes of the version that this node stands for?
    const std::scoped_lock lock{mutex_};
    file.tree->catch_up();
    if (file.dead)
        fail(ESTALE);
#endif
    return done;
}

Space View::space(NodeId id) {
    return settled(id, [](Node& node) -> Space {
        std::shared_ptr<const Volume> volume;
        if (node.kind == NodeKind::directory)
            volume = static_cast<DirectoryNode&>(node).volume;
        else if (node.parent)
            volume = node.parent->volume;
        if (!volume)
            return {};
        return {volume->geometry.cluster_size, volume->geometry.clusters,
                node.tree->free_clusters(*volume)};
    });
}

std::vector<Range> View::pieces(NodeId id, std::size_t most) {
    return settled(id, [&](Node& node) {
        const auto take = [&](const fat::Extents& extents) {
            if (extents.runs() > most)
                fail(E2BIG);
            return extents.ranges();
        };
        if (node.kind == NodeKind::directory)
            return take(node.tree->listing(static_cast<DirectoryNode&>(node))->extents());
        if (node.kind != NodeKind::file)
            return std::vector<Range>{};
        auto& file = static_cast<FileNode&>(node);
        node.tree->load(file);
        return take(*file.extents);
    });
}

bool View::is_root(NodeId id) {
    const std::scoped_lock lock{mutex_};
    const auto node = find(id);
    return node->kind == NodeKind::image_list || node == node->tree->root();
}

bool View::is_in_volume(NodeId id) {
    const std::scoped_lock lock{mutex_};
    const auto node = find(id);
    return node->kind == NodeKind::file || node->kind == NodeKind::directory;
}

bool View::is_volume_root(NodeId id) {
    const std::scoped_lock lock{mutex_};
    const auto node = find(id);
    return node->kind == NodeKind::directory &&
           static_cast<const DirectoryNode&>(*node).is_volume_root();
}

fat::VolumeMarks View::marks(NodeId id) {
    return settled(id, [](Node& node) -> fat::VolumeMarks {
        const auto volume = node.kind == NodeKind::directory
                                ? static_cast<DirectoryNode&>(node).volume
                            : node.parent ? node.parent->volume
                                          : nullptr;
        if (!volume)
            return {};
        return fat::read_marks(node.tree->reader_of(*volume), volume->geometry);
    });
}

Status View::status(NodeId id) {
    const std::scoped_lock lock{mutex_};
    const auto of = [](ImageTree& tree) {
        tree.catch_up();
        return status_of(tree);
    };
    const auto node = find(id);
    if (node->tree)
        return of(*node->tree);
    Status all{Mode::attached, 0, 0};
    for (const auto& tree : images_->known()) {
        const Status one = of(*tree);
        if (one.mode == Mode::poll)
            all.mode = Mode::poll;
        all.epoch += one.epoch;
        all.writers += one.writers;
    }
    return all;
}

std::vector<ImageStatus> View::images() const {
    const std::scoped_lock lock{mutex_};
    std::vector<ImageStatus> all;
    const auto add = [&](ImageTree& tree) {
        all.push_back(
            {tree.file()->name(), status_of(tree), tree.feed().overflows(), tree.waits()});
    };
    if (single_)
        add(*single_);
    else
        for (const auto& tree : images_->known())
            add(*tree);
    return all;
}

std::vector<int> View::tend(bool& all_attached) {
    const std::scoped_lock lock{mutex_};
    std::vector<int> sockets;
    all_attached = true;
    const auto tend_one = [&](ImageTree& tree) {
        tree.feed().look_for_server();
        // Polling is for those who ask; a ring tells what to drop before anybody does.
        if (tree.feed().mode() == Mode::attached)
            tree.catch_up();
        else
            all_attached = false;
        if (tree.feed().socket() >= 0)
            sockets.push_back(tree.feed().socket());
    };
    if (single_)
        tend_one(*single_);
    else
        for (const auto& tree : images_->known())
            tend_one(*tree);
    return sockets;
}

std::string View::describe() const {
    if (images_)
        return fmt::format("{}: {} images", options_.source, images_->known().size());
    std::string text = options_.source;
    for (const auto& volume : single_->volumes())
        text += volume->partition == 0 ? ": a FAT without a partition table"
                                       : fmt::format(": partition {}", volume->partition);
    return text;
}

} // namespace bootview::view
