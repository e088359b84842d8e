// Where the lines of a file that was put together from others come from, so that who reads it can
// name the place that a person has to change.
//
// A comment "#: FILE:LINE" says that the line after it was written there, and those that follow
// below that. A file without such comments is its own origin.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace bootview {

// The comment, with the end of its line.
std::string origin_comment(std::string_view file, unsigned line);

class LineOrigins {
public:
    LineOrigins() = default;
    // `file` is what the text is called where it says nothing else.
    LineOrigins(std::string_view text, std::string file);

    // "FILE:LINE". Lines are counted from 1.
    std::string of(unsigned line) const;
    // The same, or "line LINE" if it is in the file itself: for a second place in a message.
    std::string also(unsigned line) const;

private:
    struct Origin {
        std::string file;
        unsigned line = 0;
    };
    std::string file_;
    std::map<unsigned, Origin> origins_; // of the line after a comment
};

} // namespace bootview
