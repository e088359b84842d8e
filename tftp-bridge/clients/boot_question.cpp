#include "tftp-bridge/clients/boot_question.h"

#include "common/descriptor.h"
#include "tftp-bridge/clients/boot_files.h"
#include "tftp-bridge/tftp/packet.h"

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
    return ((first.size() == 8 || first.size() == 16) && serial_number(first)) || mac_bytes(first);
}

void OwnDirectories::add(std::string name) {
    if (const auto board = BoardName::from_short_text(name))
        by_board_[*board].insert(std::move(name));
}

std::string OwnDirectories::find(const std::vector<std::string>& names) const {
    for (const auto& name : names) {
        const auto board = BoardName::from_short_text(name);
        const auto known = board ? by_board_.find(*board) : by_board_.end();
        if (known == by_board_.end())
            continue;
        const auto& spellings = known->second;
        if (spellings.contains(name))
            return name;
        const auto alike =
            std::find_if(spellings.begin(), spellings.end(), [&](const std::string& other) {
                return tftp::equal_ignoring_case(other, name);
            });
        return alike == spellings.end() ? *spellings.begin() : *alike;
    }
    return "";
}

std::optional<OwnDirectories> own_directories(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
    if (!entries)
        return std::nullopt;
    OwnDirectories found;
    while (const dirent* entry = readdir(entries.get()))
        if (BoardName::from_short_text(entry->d_name) &&
            (entry->d_type == DT_DIR || can_open_inside(directory, entry->d_name, O_DIRECTORY)))
            found.add(entry->d_name);
    return found;
}

bool exists_inside(const std::string& directory, const std::string& name) {
    return can_open_inside(directory, name, 0);
}

std::string first_name(const NameQuestion& question) {
    if (const auto listed =
            question.directories ? own_directories(question.directory) : std::nullopt)
        return listed->find(question.names);
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
    if (question.boot_class != dhcp::BootClass::ipxe || !files.ipxe_script.empty())
        return files;
    files.program_starts_ipxe =
        !files.program.empty() &&
        (dhcp::is_ipxe_program(files.program) || files.program == question.loaded_before ||
         is_ipxe(directory, files.program, question.fold_case));
    if (files.program.empty() || files.program_starts_ipxe)
        files.ipxe_script = find_ipxe_script(directory, question.fold_case).value_or("");
    return files;
}

} // namespace bootview::clients
