// The client that writes an image, in a small file that outlives the server: when the server is
// restarted, the machine that lives on the image finds its place kept for a while.
#pragma once

#include <string>

namespace bootview::plugin {

// What note_last_writer() wrote there; empty: nothing, or nothing that can be read.
std::string read_last_writer(const std::string& file);
// Replaces the file at once, or not at all. Where it cannot be written, nothing is kept.
void note_last_writer(const std::string& file, const std::string& client) noexcept;
void forget_last_writer(const std::string& file) noexcept;

} // namespace bootview::plugin
