// What a program sees of a mounted directory tree, one line a thing, the same on every system.
//
// The fields of a line are divided by blanks. Bytes of names outside 0x21…0x7E, '%' and '\' are
// written %XX; the root is ".".
//
//     dir PATH mtime=SECONDS atime=SECONDS mode=OCTAL
//     file PATH size=BYTES mtime=SECONDS atime=SECONDS mode=OCTAL data=SHA256
//     error PATH stat=ERRNO              the name is listed, but can't be looked up
//     error PATH list=ERRNO              listing the directory failed, after what was listed of it
//     limit PATH                         more is not looked at
//
// data=ERRNO@OFFSET is a read that failed, data=SHA256+ one of the first limit.bytes only, and a
// file that ends before or after its size has data=SHA256@LENGTH.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace oracle {

// A corrupt image may hold more than anybody can read: loops of directories, chains that repeat.
struct Limits {
    std::size_t depth = 12;
    std::size_t entries = 100'000;
    std::uint64_t bytes = 64 << 20;         // of one file
    std::uint64_t total_bytes = 2ULL << 30; // of all files
};

// EIO for 5, and so on.
std::string errno_name(int number);

void list_tree(const std::string& root, const Limits& limits, std::FILE* out);

} // namespace oracle
