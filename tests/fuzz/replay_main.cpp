// Runs a fuzz target over every file of the directories (or files) that it is given: so committed
// corpora and all crashes ever found are ordinary tests, in every build, without libFuzzer.
#include "tests/fuzz/fuzz_target.h"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

std::size_t LLVMFuzzerMutate(std::uint8_t*, std::size_t size, std::size_t) {
    return size; // nobody mutates here
}

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& where) {
    std::vector<fs::path> files;
    if (!fs::is_directory(where))
        return {where};
    for (const auto& entry : fs::directory_iterator{where})
        if (entry.is_regular_file())
            files.push_back(entry.path());
    return files;
}

} // namespace

int main(int count, char** arguments) try {
    std::size_t runs = 0;
    for (int i = 1; i < count; ++i)
        for (const fs::path& path : files_of(arguments[i])) {
            std::ifstream file{path, std::ios::binary};
            const std::string text{std::istreambuf_iterator<char>{file}, {}};
            // A copy of just the right size, so that a sanitizer sees a read past its end.
            const std::vector<std::uint8_t> bytes{text.begin(), text.end()};
            std::printf("%s\n", path.c_str()); // the last one printed is the one that failed
            std::fflush(stdout);
            LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
            ++runs;
        }
    std::printf("%zu inputs\n", runs);
    if (runs > 0)
        return 0;
    std::fprintf(stderr, "%s: no input found: name directories that hold some\n", arguments[0]);
    return 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], e.what());
    return 1;
}
