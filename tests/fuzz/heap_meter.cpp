#include "tests/fuzz/heap_meter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<std::size_t> held{0};
std::atomic<std::size_t> most{0};
std::atomic<std::size_t> floor_{0};

void* counted(void* memory) {
    if (memory == nullptr)
        throw std::bad_alloc{};
    const std::size_t size = ::malloc_usable_size(memory);
    const std::size_t now = held.fetch_add(size, std::memory_order_relaxed) + size;
    std::size_t before = most.load(std::memory_order_relaxed);
    while (now > before && !most.compare_exchange_weak(before, now, std::memory_order_relaxed))
        ;
    return memory;
}

void uncount(void* memory) {
    if (memory != nullptr)
        held.fetch_sub(::malloc_usable_size(memory), std::memory_order_relaxed);
    std::free(memory);
}

} // namespace

// All forms, since a sanitizer has its own of each and wants them to match.
void* operator new(std::size_t size) {
    return counted(std::malloc(size));
}
void* operator new[](std::size_t size) {
    return counted(std::malloc(size));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    void* memory = std::malloc(size);
    return memory == nullptr ? nullptr : counted(memory);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    void* memory = std::malloc(size);
    return memory == nullptr ? nullptr : counted(memory);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    const auto align = static_cast<std::size_t>(alignment);
    return counted(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* memory) noexcept {
    uncount(memory);
}
void operator delete[](void* memory) noexcept {
    uncount(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    uncount(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    uncount(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
    uncount(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
    uncount(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    uncount(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    uncount(memory);
}

namespace bootview::fuzz {

std::size_t heap_held() {
    return held.load(std::memory_order_relaxed);
}

std::size_t heap_peak() {
    const std::size_t from = floor_.load(std::memory_order_relaxed);
    const std::size_t peak = most.load(std::memory_order_relaxed);
    return peak > from ? peak - from : 0;
}

void reset_heap_peak() {
    floor_.store(heap_held(), std::memory_order_relaxed);
    most.store(heap_held(), std::memory_order_relaxed);
}

} // namespace bootview::fuzz
