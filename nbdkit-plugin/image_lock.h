// The lock that a program carries on an image while it writes it, as QEMU does (its
// block/file-posix.c): open file description locks on single bytes of the file, all of them shared.
//
//     byte 100 + n   I make use of permission n
//     byte 200 + n   nobody else may make use of permission n
//     n: 0 consistent read, 1 write, 3 resize
//
// Each takes its locks first and then looks whether somebody else's exclude them. So two that come
// at the same moment may both be refused, but never both succeed.
#pragma once

#include "common/descriptor.h"

#include <string>

namespace bootview::plugin {

struct ImageLock {
    enum class Outcome {
        taken,
        held,        // by another program
        unsupported, // this file system knows no such locks
    };
    Outcome outcome = Outcome::taken;
    Descriptor file; // of `taken`: the lock lasts as long as this is open
};

// Takes the lock of somebody who writes, and lets nobody else write, on the image that is open as
// `fd`. When another comes at the same moment, tries again a few times, which takes 0.2 s at most.
// Throws std::system_error.
ImageLock lock_for_writing(int fd);

} // namespace bootview::plugin
