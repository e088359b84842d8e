// Numbers for nodes, and the queue of those whose cached pages the kernel should drop.
#pragma once

#include "fuse-fatimg/view/node.h"

#include <functional>
#include <memory>
#include <unordered_map>

namespace bootview::view {

// Not thread-safe: the view's lock guards it.
class NodeTable {
public:
    using OnDeath = std::function<void(NodeId)>;

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

    // Called with the view's lock held, so it may only note the number down.
    void on_death(OnDeath callback) { on_death_ = std::move(callback); }
    void report_death(NodeId id) const {
        if (on_death_)
            on_death_(id);
    }

private:
    std::unordered_map<NodeId, std::shared_ptr<Node>> nodes_;
    NodeId next_id_ = root_id + 1;
    OnDeath on_death_;
};

} // namespace bootview::view
