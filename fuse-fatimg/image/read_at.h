// How the parsers get at bytes: they are handed a function, and do no I/O of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace bootview {

// Fills the whole span from a byte offset. False: that range is not (wholly) there. Errors of the
// medium are exceptions, which the parsers let pass.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> data)>;

} // namespace bootview
