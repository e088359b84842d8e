// A small file as it is: of /proc, of a configuration.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace bootview {

// Empty if it cannot be read.
inline std::string read_whole(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace bootview
