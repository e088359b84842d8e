#include "tftp-bridge/clients/boot_question.h"

#include "common/descriptor.h"
#include "tftp-bridge/clients/boot_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace bootview::clients {
namespace {

// A link may lead there, as long as it leads to a place inside.
bool can_open_inside(const std::string& directory, const std::string& name, std::uint64_t flags) {
    const Descriptor root(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root)
        return false;
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | flags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    const Descriptor found(
        static_cast<int>(syscall(SYS_openat2, root.get(), name.c_str(), &how, sizeof how)));
    return static_cast<bool>(found);
}

} // namespace

bool looks_like_prefix(std::string_view first) {
    const auto is_hex = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    return (first.size() == 8 && std::all_of(first.begin(), first.end(), is_hex)) ||
           dhcp::Mac::from_text(first).has_value();
}

std::optional<std::set<std::string>> own_directories(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
    if (!entries)
        return std::nullopt;
    std::set<std::string> found;
    while (const dirent* entry = readdir(entries.get()))
        if (looks_like_prefix(entry->d_name) &&
            can_open_inside(directory, entry->d_name, O_DIRECTORY))
            found.insert(entry->d_name);
    return found;
}

bool exists_inside(const std::string& directory, const std::string& name) {
    return can_open_inside(directory, name, 0);
}

std::string first_name(const NameQuestion& question) {
    for (const auto& name : question.names)
        if (can_open_inside(question.directory, name, question.directories ? O_DIRECTORY : 0))
            return name;
    return "";
}

dhcp::BootFiles look_up(const BootQuestion& question) {
    auto directory = question.directory;
    auto files = question.known;
    if (const auto own = first_name({directory, question.own_names}); !own.empty()) {
        directory += "/" + own;
        files.named = true;
    }
    if (files.program.empty() && question.boot_class != dhcp::BootClass::http)
        files.program =
            find_boot_program(directory, question.architecture, question.fold_case).value_or("");
    if (files.ipxe_script.empty() && question.boot_class == dhcp::BootClass::ipxe &&
        dhcp::is_ipxe_program(files.program))
        files.ipxe_script = find_ipxe_script(directory, question.fold_case).value_or("");
    return files;
}

} // namespace bootview::clients
