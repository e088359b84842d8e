// A small file as it is: of /proc, of a configuration.
#pragma once

#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace bootview {

// Empty if it cannot be read; also where that only shows while it is read, as with /proc/PID/comm
// of a process that ends meanwhile (ESRCH), which the stream's buffer throws.
inline std::string read_whole(const std::filesystem::path& path) {
    try {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    } catch (const std::exception&) {
        return {};
    }
}

} // namespace bootview
