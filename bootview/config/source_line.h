// The lines of a configuration of another server: KEY=VALUE, below [SECTION] lines or without any.
#pragma once

#include "bootview/config/import.h"

#include <string>
#include <vector>

namespace bootview::config {

struct SourceLine {
    std::string file;
    unsigned number = 0;
    std::string section; // empty before the first
    std::string key;     // empty in the line of the section itself
    std::string value;
    std::string text; // the whole line, trimmed

    std::string place() const;
};

// Without empty lines and comments, which begin with '#' or ';'.
std::vector<SourceLine> lines_of(const Source& source);

std::string trimmed(std::string_view text);
std::vector<std::string> split(std::string_view text, char at);

} // namespace bootview::config
