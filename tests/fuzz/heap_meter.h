// How much memory C++ code holds: operator new and delete are replaced by ones that count, so that
// an input which makes us allocate without bound is seen as surely as one that makes us crash, and
// not only where a sanitizer's own bookkeeping leaves room for a limit.
#pragma once

#include <cstddef>

namespace bootview::fuzz {

// Bytes held now, by all threads.
std::size_t heap_held();
// The most that was held at once since the last reset, beyond what was held then.
std::size_t heap_peak();
void reset_heap_peak();

} // namespace bootview::fuzz
