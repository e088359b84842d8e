// Numbers for nodes, and word to whoever speaks to the kernel of what it should drop: the pages of
// nodes that died, and names, when it remembers more nodes than there is need for.
#pragma once

#include "fuse-fatimg/view/node.h"
#include "fuse-fatimg/view/recently_used.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace bootview::view {

// Not thread-safe: the view's lock guards it.
class NodeTable {
public:
    using OnDeath = std::function<void(NodeId)>;
    using OnSurplus = std::function<void(NodeId directory, const std::string& name)>;

    // Gives the node a number that was never used before.
    NodeId insert(const std::shared_ptr<Node>& node) {
        node->id = next_id_++;
        nodes_.emplace(node->id, node);
        return node->id;
    }
    void insert_as(NodeId id, const std::shared_ptr<Node>& node) {
        node->id = id;
        nodes_[id] = node;
    }
    std::shared_ptr<Node> find(NodeId id) const {
        const auto found = nodes_.find(id);
        return found == nodes_.end() ? nullptr : found->second;
    }
    void erase(NodeId id) { nodes_.erase(id); }

    // What is kept in memory of all images together, by those who must let go of it in the end.
    RecentlyUsed<DirectoryNode> listings;
    RecentlyUsed<FileNode> chains;

    // Called with the view's lock held, so it may only note the number down.
    void on_death(OnDeath callback) { on_death_ = std::move(callback); }
    void on_surplus(OnSurplus callback) { on_surplus_ = std::move(callback); }
    void report_death(NodeId id) const {
        if (on_death_)
            on_death_(id);
    }
    // Names some of the oldest nodes, if there are very many. The kernel forgets what it does not
    // need; what it has in use it keeps, and then the turn is at others.
    void report_surplus() {
        for (int i = 0; i < 2 && on_surplus_ && nodes_.size() > maximum_nodes; ++i) {
            auto next = nodes_.upper_bound(reported_);
            if (next == nodes_.end())
                next = nodes_.begin();
            reported_ = next->first;
            if (const Node& node = *next->second; node.parent && node.lookups > 0)
                on_surplus_(node.parent->id, node.entry.name);
        }
    }

private:
    static constexpr std::size_t maximum_nodes = 50'000; // some 25 MB of them

    std::map<NodeId, std::shared_ptr<Node>> nodes_; // and so the oldest first
    NodeId next_id_ = root_id + 1;
    NodeId reported_ = 0; // the last one named to on_surplus_
    OnDeath on_death_;
    OnSurplus on_surplus_;
};

} // namespace bootview::view
