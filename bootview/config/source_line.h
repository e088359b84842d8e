// The lines of a configuration of another server, each format read by its own rules.
#pragma once

#include "bootview/config/import.h"

#include <string>
#include <string_view>
#include <vector>

namespace bootview::config {

struct SourceLine {
    std::string file;
    std::string directory; // of the file; paths in it are relative to that
    unsigned number = 0;
    std::string section; // empty before the first
    std::string key;     // empty in the line of the section itself
    std::string value;
    std::string text; // the whole line, trimmed
    // dnsmasq: the value between its commas, but for those in quotes.
    std::vector<std::string> words = {};
    // Why the server itself refuses the line; empty: it does not.
    std::string mistake = {};

    std::string place() const;
    // The value as a path that does not depend on where we are.
    std::string path() const;
};

// Without empty lines and comments. All three are pure.

// dnsmasq(8): KEY=VALUE. '#' begins a comment after a blank, but not in quotes, in which a comma is
// a comma, too.
std::vector<SourceLine> dnsmasq_lines(const Source& source);
// nobodd.conf, by Python's ConfigParser as nobodd sets it up: keys in any case of letters, values
// go on in lines that are indented more, '#' and ';' begin a comment at the start of a line alone.
std::vector<SourceLine> config_parser_lines(const Source& source);
// nbd-server(5), by GLib's GKeyFile: '#' at the start of a line, \s, \n, \t, \r and \\ in values.
std::vector<SourceLine> key_file_lines(const Source& source);

std::vector<SourceLine> lines_of(const Source& source, ImportKind kind);

std::string trimmed(std::string_view text);
std::vector<std::string> split(std::string_view text, char at);

} // namespace bootview::config
