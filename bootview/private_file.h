// A file in the runtime directory, that exists while we run: what another program of ours reads.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace bootview {

// Replaces the file at once, so that who reads it sees the old or the new text. Throws Failure.
void replace_file(const std::string& path, std::string_view text, mode_t mode = 0600);

class PrivateFile {
public:
    // "NAME-XXXXXX" in the runtime directory (change-ring/path.h), or in /tmp. Throws Failure.
    PrivateFile(const std::string& name, std::string_view text);
    PrivateFile(const PrivateFile&) = delete;
    PrivateFile& operator=(const PrivateFile&) = delete;
    ~PrivateFile(); // removes it

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

} // namespace bootview
