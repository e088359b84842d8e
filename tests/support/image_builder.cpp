#include "tests/support/image_builder.h"

#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace bootview::test {

namespace {

void must(const std::vector<std::string>& command, const std::vector<std::string>& env = {}) {
    std::string output;
    if (const int status = run(command, &output, env); status != 0)
        throw std::runtime_error(
            fmt::format("{} ended with {}: {}", command.front(), status, output));
}

} // namespace

void build_image(const std::string& path, const ImageSpec& spec) {
    const std::uint64_t mebibyte = 1 << 20;
    std::filesystem::remove(path);
    write_file(path, "");
    const std::uint64_t offset = spec.partitioned ? fat_partition_offset : 0;
    std::filesystem::resize_file(path,
                                 offset + (spec.fat_mebibytes + spec.rest_mebibytes) * mebibyte);
    if (spec.partitioned) {
        const std::uint64_t sectors = spec.fat_mebibytes * 2048;
        std::string script = fmt::format("label: dos\nstart=2048, size={}, type=c\n", sectors);
        if (spec.rest_mebibytes > 0)
            script += fmt::format("start={}, type=83\n", 2048 + sectors);
        const std::string file = path + ".sfdisk";
        write_file(file, script);
        must(
            {"sh", "-c", "PATH=$PATH:/sbin:/usr/sbin sfdisk -q \"$1\" < \"$2\"", "sh", path, file});
        std::filesystem::remove(file);
    }
    std::vector<std::string> mkfs{"sh",
                                  "-c",
                                  "PATH=$PATH:/sbin:/usr/sbin mkfs.vfat \"$@\"",
                                  "sh",
                                  "-F",
                                  std::to_string(spec.fat_bits),
                                  "-n",
                                  "BOOT",
                                  "--offset",
                                  std::to_string(offset / 512)};
    if (spec.sectors_per_cluster != 0)
        mkfs.insert(mkfs.end(), {"-s", std::to_string(spec.sectors_per_cluster)});
    mkfs.push_back(path);
    mkfs.push_back(std::to_string(spec.fat_mebibytes * 1024));
    must(mkfs);
}

void mtools(const std::vector<std::string>& command, const std::string& image,
            const std::vector<std::string>& arguments, std::uint64_t offset) {
    std::vector<std::string> line = command;
    line.insert(line.end(), {"-i", fmt::format("{}@@{}", image, offset)});
    line.insert(line.end(), arguments.begin(), arguments.end());
    must(line, {"MTOOLS_SKIP_CHECK=1"});
}

void add_to_image(const std::string& image, const std::string& name, std::string_view content) {
    const TemporaryDirectory scratch;
    mtools({"mcopy", "-o"}, image, {scratch.write("content", content).string(), "::" + name});
}

void write_file(const std::string& path, std::string_view text) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file << text;
    if (!file.flush())
        throw std::runtime_error("cannot write " + path);
}

std::string read_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), path);
    std::string text;
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0) {
            const int error = errno;
            ::close(fd);
            throw std::system_error(error, std::generic_category(), path);
        }
        if (n == 0)
            break;
        text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    ::close(fd);
    return text;
}

} // namespace bootview::test
