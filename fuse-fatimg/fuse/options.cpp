#include "fuse-fatimg/fuse/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::fuse {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw UsageError(message);
}

unsigned long number(std::string_view name, const std::string& value, int base,
                     unsigned long maximum) {
    unsigned long result = 0;
    const char* const end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, result, base);
    if (value.empty() || error != std::errc{} || stopped != end || result > maximum)
        refuse(fmt::format("-o {}={}: must be {} number of at most {}", name, value,
                           base == 8 ? "an octal" : "a",
                           base == 8 ? fmt::format("{:o}", maximum) : fmt::format("{}", maximum)));
    return result;
}

mode_t mask(std::string_view name, const std::string& value) {
    return static_cast<mode_t>(number(name, value, 8, 0777));
}

void set_partition(Options& o, const std::string& value) {
    o.partition = {};
    if (value == "all")
        o.partition.all = true;
    else
        o.partition.number = static_cast<unsigned>(number("partition", value, 10, 4096));
}

// "+01:00", "-0530"
void set_zone(Options& o, const std::string& value) {
    o.local_zone = value == "local";
    o.zone = 0;
    if (value == "UTC" || value == "utc" || o.local_zone)
        return;
    std::string digits = value.substr(std::min<std::size_t>(1, value.size()));
    std::erase(digits, ':');
    if (value.empty() || (value[0] != '+' && value[0] != '-') || digits.size() != 4 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
        refuse(fmt::format("-o tz={}: must be UTC, local, or an offset such as +02:00", value));
    const int hhmm = std::atoi(digits.c_str()); // NOLINT: four digits
    o.zone = (hhmm / 100 * 60 + hhmm % 100) * 60 * (value[0] == '-' ? -1 : 1);
}

// "-120": what must be taken from a time in the image to come to UTC, in minutes; as with vfat.
void set_time_offset(Options& o, const std::string& value) {
    const bool negative = value.starts_with('-');
    const auto minutes =
        static_cast<int>(number("time_offset", value.substr(negative ? 1 : 0), 10, 24 * 60));
    o.local_zone = false;
    o.zone = minutes * 60 * (negative ? -1 : 1);
}

void set_codepage(Options& o, const std::string& value) {
    const std::string digits = value.substr(value.starts_with("cp") ? 2 : 0);
    number("codepage", digits, 10, 65535);
    o.codepage = digits;
}

// Takes only what comes to the same here; `instead` says what to do otherwise.
void only(std::string_view name, const std::string& value,
          std::initializer_list<std::string_view> accepted, std::string_view instead) {
    if (std::find(accepted.begin(), accepted.end(), value) == accepted.end())
        refuse(fmt::format("-o {}={}: {}", name, value, instead));
}

struct Option {
    std::string_view name;
    std::string_view value; // what it is called in the help; empty: takes none
    std::string_view help;
    void (*set)(Options&, const std::string&);
};

constexpr auto maximum_id = std::numeric_limits<uid_t>::max() - 1; // the last one means "none"

// By name; fuse-fatimg.pod has a paragraph for each, and a test that holds the two together.
constexpr std::array table{
    Option{"allow_other", "", "let other users in",
           [](Options& o, const std::string&) { o.allow_other = true; }},
    Option{"allow_root", "", "let root in, beside yourself",
           [](Options& o, const std::string&) { o.allow_root = true; }},
    Option{"allow_utime", "OCTAL", "as with vfat; comes to nothing in a read-only mount",
           [](Options&, const std::string& v) { mask("allow_utime", v); }},
    Option{"check", "relaxed", "names are found whatever their case, as with vfat",
           [](Options&, const std::string& v) {
               only("check", v, {"r", "relaxed", "n", "normal"},
                    "names are found whatever their case: leave it out");
           }},
    Option{"codepage", "N", "the code page of 8.3 names (437)", set_codepage},
    Option{"default_permissions", "",
           "let the kernel check the permission bits (with allow_*: always)",
           [](Options& o, const std::string&) { o.default_permissions = true; }},
    Option{"direct_io", "", "do without the page cache",
           [](Options& o, const std::string&) { o.direct_io = true; }},
    Option{"dmask", "OCTAL", "permission bits that directories do not have",
           [](Options& o, const std::string& v) { o.dmask = mask("dmask", v); }},
    Option{"errors", "continue|remount-ro", "as with vfat; the mount is read-only at any rate",
           [](Options&, const std::string& v) {
               only("errors", v, {"continue", "remount-ro"},
                    "must be continue or remount-ro: this can stop no kernel");
           }},
    Option{"fmask", "OCTAL", "permission bits that files do not have",
           [](Options& o, const std::string& v) { o.fmask = mask("fmask", v); }},
    Option{"gid", "N", "the group of everything",
           [](Options& o, const std::string& v) {
               o.gid = static_cast<gid_t>(number("gid", v, 10, maximum_id));
           }},
    Option{"iocharset", "utf8", "names are UTF-8, always",
           [](Options&, const std::string& v) {
               only("iocharset", v, {"utf8", "utf-8", "UTF-8"},
                    "names are always UTF-8: leave it out");
           }},
    Option{"notify", "PATH", "the socket of the change ring, or its directory",
           [](Options& o, const std::string& v) { o.notify = v; }},
    Option{"partition", "N|all", "the partition to show; all: each in a directory of its own",
           set_partition},
    Option{"ro", "", "read-only: the default, and all there is",
           [](Options& o, const std::string&) { o.asked_to_write = false; }},
    Option{"rodir", "", "heed the read-only attribute of directories too",
           [](Options& o, const std::string&) { o.rodir = true; }},
    Option{"rw", "", "refused, but from mount(8), which always says it",
           [](Options& o, const std::string&) { o.asked_to_write = true; }},
    Option{"shortname", "mixed|winnt", "8.3 names show in the case that was stored with them",
           [](Options&, const std::string& v) {
               only("shortname", v, {"mixed", "winnt"},
                    "8.3 names show in the case that was stored with them: leave it out");
           }},
    Option{"showexec", "", "only files named .EXE, .COM or .BAT are executable",
           [](Options& o, const std::string&) { o.showexec = true; }},
    Option{"time_offset", "MINUTES", "how far times in the image are ahead of UTC",
           set_time_offset},
    Option{"tz", "UTC|local|+HH:MM", "the time zone of times in the image (UTC)", set_zone},
    Option{"uid", "N", "the owner of everything",
           [](Options& o, const std::string& v) {
               o.uid = static_cast<uid_t>(number("uid", v, 10, maximum_id));
           }},
    Option{"umask", "OCTAL", "fmask and dmask in one",
           [](Options& o, const std::string& v) { o.fmask = o.dmask = mask("umask", v); }},
};

// What vfat knows and what changes nothing here: names are UTF-8, and nothing is written.
constexpr std::array<std::string_view, 9> without_effect{
    "discard", "dirsync", "flush", "nonumtail", "posix", "quiet", "sync", "sys_immutable", "utf8"};

// What mount(8) and fstab put into the list for themselves. A FUSE mount is nosuid and nodev, and
// nothing in a FAT is worth the rest.
constexpr std::array<std::string_view, 25> of_mount{
    "async",      "atime",       "auto",     "comment",    "defaults", "dev",    "diratime",
    "exec",       "group",       "iversion", "lazytime",   "noatime",  "noauto", "nodev",
    "nodiratime", "noexec",      "nofail",   "noiversion", "nosuid",   "nouser", "owner",
    "relatime",   "strictatime", "suid",     "user"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

Options defaults() {
    Options options;
    options.uid = ::geteuid();
    options.gid = ::getegid();
    const mode_t umask = ::umask(0);
    ::umask(umask);
    options.fmask = options.dmask = umask;
    return options;
}

void parse_mount_options(const std::string& list, Options& options) {
    std::size_t begin = 0;
    while (begin <= list.size()) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const std::string item = list.substr(begin, end - begin);
        begin = end + 1;
        const std::size_t equals = item.find('=');
        const std::string name = item.substr(0, equals);
        if (item.empty() || name.starts_with("x-") || name.starts_with("X-") || name == "_netdev" ||
            name == "users" || is_one_of(of_mount, name) ||
            (is_one_of(without_effect, name) && equals == std::string::npos))
            continue;
        const auto option = std::find_if(table.begin(), table.end(),
                                         [&](const Option& o) { return o.name == name; });
        if (option == table.end())
            refuse(fmt::format("-o {}: unknown option: fuse-fatimg(8) lists them all", name));
        const bool takes_value = !option->value.empty();
        if (takes_value != (equals != std::string::npos))
            refuse(
                fmt::format("-o {}: {}", name, takes_value ? "needs a value" : "takes no value"));
        option->set(options, takes_value ? item.substr(equals + 1) : std::string{});
    }
    // Without the kernel's check whoever is let in may read everything, whatever umask= says.
    if (options.allow_other || options.allow_root)
        options.default_permissions = true;
}

std::string mount_options_help() {
    std::string text = "Mount options, -o:\n";
    for (const Option& option : table) {
        const std::string name =
            fmt::format("{}{}{}", option.name, option.value.empty() ? "" : "=", option.value);
        text += fmt::format("  {:<28}{}\n", name, option.help);
    }
    text += "Taken without effect, since they come to nothing here:\n ";
    for (const std::string_view name : without_effect)
        text += fmt::format(" {}", name);
    return text + "\nand what mount(8) says for itself (noauto, nofail, _netdev, x-...).";
}

} // namespace bootview::fuse
