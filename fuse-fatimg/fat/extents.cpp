#include "fuse-fatimg/fat/extents.h"

#include <bit>

namespace bootview::fat {

namespace {

constexpr unsigned word_bits = 64;

} // namespace

Extents Extents::of(const Range& range) {
    Extents extents{range.offset, static_cast<std::uint32_t>(range.length)};
    extents.append(2);
    extents.finish(range.length);
    return extents;
}

bool Extents::append(Cluster cluster) {
    if (holds(cluster))
        return false;
    if (!chunks_.empty()) {
        Run& last = chunks_.back().back();
        if (last.first + last.count == cluster) {
            ++last.count;
            ++clusters_;
            if (!bitmap_.empty())
                note(cluster);
            return true;
        }
    }
    if (chunks_.empty() || chunks_.back().size() == chunk_size) {
        if (chunks_.size() == 1)
            for (const Run& run : chunks_.front())
                for (Cluster c = run.first; c < run.first + run.count; ++c)
                    note(c);
        chunks_.emplace_back();
        if (chunks_.size() > 1)
            chunks_.back().reserve(chunk_size);
        skipped_.push_back(clusters_);
    }
    chunks_.back().push_back({cluster, 1});
    ++clusters_;
    if (!bitmap_.empty())
        note(cluster);
    return true;
}

bool Extents::holds(Cluster cluster) const {
    if (bitmap_.empty())
        return !chunks_.empty() &&
               std::any_of(chunks_.front().begin(), chunks_.front().end(), [&](const Run& run) {
                   return cluster >= run.first && cluster - run.first < run.count;
               });
    const std::size_t page = cluster / bits_per_page;
    if (page >= bitmap_.size() || !bitmap_[page])
        return false;
    const Cluster bit = cluster % bits_per_page;
    return ((*bitmap_[page])[bit / word_bits] >> bit % word_bits & 1) != 0;
}

void Extents::note(Cluster cluster) {
    const std::size_t page = cluster / bits_per_page;
    if (page >= bitmap_.size())
        bitmap_.resize(page + 1);
    if (!bitmap_[page]) {
        bitmap_[page] = std::make_unique<BitmapPage>();
        ++bitmap_pages_;
    }
    const Cluster bit = cluster % bits_per_page;
    (*bitmap_[page])[bit / word_bits] |= std::uint64_t{1} << bit % word_bits;
}

Extents::Position Extents::position_of(std::uint64_t cluster_index) const {
    // The last chunk that does not begin behind it, and on from there.
    const auto chunk = std::upper_bound(skipped_.begin(), skipped_.end(), cluster_index) - 1;
    Position position{static_cast<std::size_t>(chunk - skipped_.begin()), 0, *chunk};
    const Chunk& runs = chunks_[position.chunk];
    while (position.skipped + runs[position.run].count <= cluster_index)
        position.skipped += runs[position.run++].count;
    return position;
}

std::vector<Range> Extents::ranges() const {
    std::vector<Range> all;
    for_each(0, size_, [&](const Range& range) {
        all.push_back(range);
        return true;
    });
    return all;
}

std::vector<Range> Extents::covering() const {
    std::vector<Range> result;
    const auto add = [&](const Range& range) { append_joined(result, range); };
    if (bitmap_.empty()) {
        if (chunks_.empty())
            return result;
        Chunk sorted = chunks_.front();
        std::sort(sorted.begin(), sorted.end(),
                  [](const Run& a, const Run& b) { return a.first < b.first; });
        for (const Run& run : sorted)
            add(range_of(run));
        return result;
    }
    for (std::size_t page = 0; page < bitmap_.size(); ++page)
        for (std::size_t word = 0; bitmap_[page] && word < bitmap_[page]->size(); ++word)
            for (std::uint64_t left = (*bitmap_[page])[word]; left != 0; left &= left - 1)
                add(range_of({static_cast<Cluster>(page * bits_per_page + word * word_bits +
                                                   static_cast<unsigned>(std::countr_zero(left))),
                              1}));
    return result;
}

bool Extents::overlaps(Range range) const {
    if (chunks_.empty())
        return false;
    const Run& last = chunks_.back().back();
    const std::uint64_t cluster_end = range_of(last).end();
    const std::uint64_t end_of_file = cluster_end - (allocated() - size_);
    if (range.offset >= end_of_file && range.offset < cluster_end) {
        const std::uint64_t skip = std::min(range.length, cluster_end - range.offset);
        range = {range.offset + skip, range.length - skip};
    } else if (range.end() > end_of_file && range.end() <= cluster_end &&
               range.offset < end_of_file) {
        range.length = end_of_file - range.offset;
    }
    if (range.length == 0 || range.end() <= data_offset_)
        return false;
    if (bitmap_.empty())
        return std::any_of(chunks_.front().begin(), chunks_.front().end(),
                           [&](const Run& run) { return range_of(run).overlaps(range); });
    const std::uint64_t before = std::max(range.offset, data_offset_) - data_offset_;
    const std::uint64_t end = std::min((range.end() - 1 - data_offset_) / cluster_size_ + 3,
                                       bitmap_.size() * std::uint64_t{bits_per_page});
    for (std::uint64_t cluster = before / cluster_size_ + 2; cluster < end; ++cluster) {
        const std::uint64_t page = cluster / bits_per_page;
        if (!bitmap_[page])
            cluster = (page + 1) * bits_per_page - 1; // and on with the next page
        else if (holds(static_cast<Cluster>(cluster)))
            return true;
    }
    return false;
}

} // namespace bootview::fat
