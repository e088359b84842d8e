// Bounds what nodes keep of the image: knows who keeps how much, and who was not asked for longest.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>

namespace bootview::view {

// Not thread-safe.
template<typename Owner>
class RecentlyUsed {
public:
    // From now on this owner keeps so many bytes, and was used just now.
    void put(Owner* owner, std::size_t bytes) {
        remove(owner);
        order_.push_front({owner, bytes});
        places_[owner] = order_.begin();
        total_ += bytes;
    }
    void use(Owner* owner) {
        if (const auto place = places_.find(owner); place != places_.end())
            order_.splice(order_.begin(), order_, place->second);
    }
    void remove(Owner* owner) {
        const auto place = places_.find(owner);
        if (place == places_.end())
            return;
        total_ -= place->second->bytes;
        order_.erase(place->second);
        places_.erase(place);
    }
    std::size_t total() const { return total_; }

    // The one that was not used for longest and satisfies the condition; null: there is none.
    template<typename Condition>
    Owner* oldest(Condition condition) const {
        for (auto i = order_.rbegin(); i != order_.rend(); ++i)
            if (condition(*i->owner))
                return i->owner;
        return nullptr;
    }

private:
    struct Item {
        Owner* owner;
        std::size_t bytes;
    };
    std::list<Item> order_; // the latest first
    std::unordered_map<Owner*, typename std::list<Item>::iterator> places_;
    std::size_t total_ = 0;
};

} // namespace bootview::view
