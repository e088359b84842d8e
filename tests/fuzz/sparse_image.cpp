#include "tests/fuzz/sparse_image.h"

#include <algorithm>
#include <cstring>

namespace bootview::fuzz {

const SparseImage::Page* SparseImage::find(std::uint64_t number) const {
    const auto found = pages_.find(number);
    if (found != pages_.end())
        return found->second.get();
    return base_ != nullptr ? base_->find(number) : nullptr;
}

SparseImage::Page& SparseImage::own(std::uint64_t number) {
    std::unique_ptr<Page>& page = pages_[number];
    if (!page) {
        const Page* before = base_ != nullptr ? base_->find(number) : nullptr;
        page = before != nullptr ? std::make_unique<Page>(*before) : std::make_unique<Page>();
    }
    return *page;
}

void SparseImage::write(std::uint64_t offset, std::span<const std::byte> data) {
    if (offset >= size_)
        return;
    data = data.first(std::min<std::uint64_t>(data.size(), size_ - offset));
    while (!data.empty()) {
        const std::uint64_t at = offset % page_size;
        const std::size_t take = std::min<std::uint64_t>(data.size(), page_size - at);
        std::memcpy(own(offset / page_size).data() + at, data.data(), take);
        data = data.subspan(take);
        offset += take;
    }
}

bool SparseImage::read(std::uint64_t offset, std::span<std::byte> data) const {
    ++work_.calls;
    work_.bytes += data.size();
    if (offset > size_ || data.size() > size_ - offset)
        return false;
    while (!data.empty()) {
        const std::uint64_t at = offset % page_size;
        const std::size_t take = std::min<std::uint64_t>(data.size(), page_size - at);
        if (const Page* page = find(offset / page_size))
            std::memcpy(data.data(), page->data() + at, take);
        else
            std::memset(data.data(), 0, take);
        data = data.subspan(take);
        offset += take;
    }
    return true;
}

void SparseImage::put(std::uint64_t offset, std::size_t width, std::uint64_t value) {
    std::array<std::byte, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(value >> 8 * i & 0xff);
    write(offset, std::span{bytes}.first(width));
}

std::uint64_t SparseImage::get(std::uint64_t offset, std::size_t width) const {
    std::array<std::byte, 8> bytes{};
    read(offset, std::span{bytes}.first(width));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
        value |= std::to_integer<std::uint64_t>(bytes[i]) << 8 * i;
    return value;
}

} // namespace bootview::fuzz
