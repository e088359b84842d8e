// An image in memory that may be as large as disks get: only pages that were written take room.
#pragma once

#include "fuse-fatimg/image/read_at.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

namespace bootview::fuzz {

class SparseImage {
public:
    explicit SparseImage(std::uint64_t size) : size_(size) {}
    // Begins as a copy of `base`, which must outlive it and stay as it is.
    explicit SparseImage(const SparseImage* base) : size_(base->size_), base_(base) {}

    std::uint64_t size() const { return size_; }
    void resize(std::uint64_t size) { size_ = size; }

    // What lies past the end is not written.
    void write(std::uint64_t offset, std::span<const std::byte> data);
    // Fills all of `data`; false if a part of it lies past the end. Counts itself.
    bool read(std::uint64_t offset, std::span<std::byte> data) const;
    ReadAt reader() const {
        return
            [this](std::uint64_t offset, std::span<std::byte> data) { return read(offset, data); };
    }

    // Calls f(offset, bytes) for each page that was written, in no order; the base's not among
    // them.
    template<typename Function>
    void for_each_page(Function f) const {
        for (const auto& [number, page] : pages_)
            f(number * page_size, std::span<const std::byte>{*page});
    }

    // Little-endian, `width` bytes wide.
    void put(std::uint64_t offset, std::size_t width, std::uint64_t value);
    std::uint64_t get(std::uint64_t offset, std::size_t width) const;

    // How much was read since the last reset.
    struct Work {
        std::uint64_t calls = 0;
        std::uint64_t bytes = 0;
    };
    Work work() const { return work_; }
    void reset_work() const { work_ = {}; }

private:
    static constexpr std::uint64_t page_size = 4096;
    using Page = std::array<std::byte, page_size>;

    const Page* find(std::uint64_t number) const;
    Page& own(std::uint64_t number);

    std::uint64_t size_;
    const SparseImage* base_ = nullptr;
    std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_; // by number
    mutable Work work_;
};

} // namespace bootview::fuzz
