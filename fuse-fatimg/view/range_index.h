// Finds who depends on a range of the image that changed.
#pragma once

#include "fuse-fatimg/image/range.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace bootview::view {

// Ranges may overlap, and one dependant may have many. The image is cut into buckets of equal size;
// a range stands in each bucket that it touches. Not thread-safe.
template<typename Dependant>
class RangeIndex {
public:
    void add(const Range& range, const Dependant& who) {
        for_each_bucket(range, [&](std::uint64_t bucket) {
            buckets_[bucket].push_back({range, who});
        });
    }

    void remove(const Range& range, const Dependant& who) {
        for_each_bucket(range, [&](std::uint64_t bucket) {
            const auto found = buckets_.find(bucket);
            if (found == buckets_.end())
                return;
            std::erase_if(found->second,
                          [&](const Item& item) { return item.range == range && item.who == who; });
            if (found->second.empty())
                buckets_.erase(found);
        });
    }

    // Everyone with a range that overlaps this one; each once.
    std::vector<Dependant> hit_by(const Range& range) const {
        std::vector<Dependant> hits;
        const auto look = [&](const std::vector<Item>& items) {
            for (const Item& item : items)
                if (item.range.overlaps(range) &&
                    std::find(hits.begin(), hits.end(), item.who) == hits.end())
                    hits.push_back(item.who);
        };
        const std::uint64_t first = range.offset / bucket_size;
        const std::uint64_t last = range.length == 0 ? first : (range.end() - 1) / bucket_size;
        if (last - first < buckets_.size()) {
            for (std::uint64_t bucket = first; bucket <= last; ++bucket)
                if (const auto found = buckets_.find(bucket); found != buckets_.end())
                    look(found->second);
        } else { // a huge range over few buckets, as when a whole disk is zeroed
            for (const auto& [bucket, items] : buckets_)
                look(items);
        }
        return hits;
    }

private:
    struct Item {
        Range range;
        Dependant who;
    };
    static constexpr std::uint64_t bucket_size = std::uint64_t{256} * 1024;

    template<typename Function>
    static void for_each_bucket(const Range& range, Function function) {
        if (range.length == 0)
            return;
        for (std::uint64_t b = range.offset / bucket_size; b <= (range.end() - 1) / bucket_size;
             ++b)
            function(b);
    }

    std::unordered_map<std::uint64_t, std::vector<Item>> buckets_;
};

} // namespace bootview::view
