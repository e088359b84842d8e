#include "bootview/doctor/boot_entries.h"

#include "common/lower_case.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

std::string trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos)
        return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

struct Line {
    std::string key;
    std::string value;
};
// "KEY VALUE" of each line that is neither empty nor a comment.
std::vector<Line> lines_of(std::string_view text) {
    std::vector<Line> result;
    std::istringstream lines{std::string(text)};
    for (std::string raw; std::getline(lines, raw);) {
        const std::string line = trimmed(raw);
        if (line.empty() || line.front() == '#')
            continue;
        const auto space = line.find_first_of(" \t");
        result.push_back(
            {line.substr(0, space), space == std::string::npos ? "" : trimmed(line.substr(space))});
    }
    return result;
}

std::vector<std::string> words_of(std::string_view text, const char* separators = " \t") {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto begin = text.find_first_not_of(separators);
        if (begin == std::string_view::npos)
            break;
        text.remove_prefix(begin);
        const auto end = std::min(text.find_first_of(separators), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return words;
}

void set_kernel(BootEntry& entry, std::string_view name) {
    const auto path = path_in_volume(name);
    entry.kernel = path.value_or(std::string(name));
    entry.elsewhere = entry.elsewhere || !path;
}

void add_initramfs(BootEntry& entry, std::string_view name) {
    const auto path = path_in_volume(name);
    entry.initramfs.push_back(path.value_or(std::string(name)));
    entry.elsewhere = entry.elsewhere || !path;
}

// GRUB and iPXE: a kernel with its command line, then its initramfs.
template<typename IsKernel, typename IsInitramfs>
std::vector<BootEntry> kernel_then_initramfs(const std::string& file, std::string_view text,
                                             IsKernel is_kernel, IsInitramfs is_initramfs) {
    std::vector<BootEntry> entries;
    std::string title;
    for (const auto& [key, value] : lines_of(text)) {
        if (key == "menuentry" && value.size() > 1) {
            title = value.substr(1, value.find(value.front(), 1) - 1);
        } else if (is_kernel(key)) {
            auto words = words_of(value);
            // iPXE: kernel --name x FILE
            while (!words.empty() && words.front().starts_with("--"))
                words.erase(words.begin(), words.begin() + (words.size() > 1 ? 2 : 1));
            if (words.empty())
                continue;
            BootEntry entry;
            entry.where = title.empty() ? file : fmt::format("{}, {}", file, title);
            entry.file = file;
            set_kernel(entry, words.front());
            words.erase(words.begin());
            for (const std::string& word : words)
                entry.command_line += (entry.command_line.empty() ? "" : " ") + word;
            entries.push_back(std::move(entry));
        } else if (is_initramfs(key) && !entries.empty()) {
            const auto words = words_of(value);
            for (std::size_t i = 0; i < words.size(); ++i) {
                if (words[i].starts_with("--"))
                    ++i; // and its value
                else
                    add_initramfs(entries.back(), words[i]);
            }
        }
    }
    return entries;
}

} // namespace

std::optional<std::string> path_in_volume(std::string_view name) {
    if (name.starts_with("(")) { // GRUB: (pxe)/vmlinuz, (hd0,1)/vmlinuz
        const auto end = name.find(')');
        if (end == std::string_view::npos)
            return std::nullopt;
        name.remove_prefix(end + 1);
    }
    if (name.find("://") != std::string_view::npos || name.find('$') != std::string_view::npos)
        return std::nullopt;
    if (const auto colons = name.find("::"); colons == 0) // PXELINUX: from the root
        name.remove_prefix(2);
    else if (colons != std::string_view::npos) // SERVER::FILE
        return std::nullopt;
    const auto begin = name.find_first_not_of('/');
    return begin == std::string_view::npos ? std::string{} : std::string(name.substr(begin));
}

std::vector<BootEntry> pxelinux_entries(const std::string& file, std::string_view text) {
    struct Label {
        std::string name;
        std::string kernel;
        std::string initramfs;
        std::optional<std::string> append;
        bool adds_ip = false;
    };
    std::vector<Label> labels;
    std::string append_for_all;
    bool adds_ip_to_all = false;
    // Bit 0 of its number, which may be hexadecimal (syslinux.txt, SYSAPPEND).
    const auto asks_for_ip = [](const std::string& value) {
        return (std::strtoul(value.c_str(), nullptr, 0) & 1) != 0;
    };
    for (const auto& [word, value] : lines_of(text)) {
        const std::string key = lower_case(word);
        if (key == "label")
            labels.push_back({value, "", "", std::nullopt, adds_ip_to_all});
        else if (key == "append" && labels.empty())
            append_for_all = value;
        else if (key == "ipappend" || key == "sysappend")
            (labels.empty() ? adds_ip_to_all : labels.back().adds_ip) = asks_for_ip(value);
        else if (labels.empty())
            continue;
        else if (key == "kernel" || key == "linux")
            labels.back().kernel = value;
        else if (key == "initrd")
            labels.back().initramfs = value;
        else if (key == "append")
            labels.back().append = value == "-" ? "" : value;
    }
    std::vector<BootEntry> entries;
    for (const Label& label : labels) {
        if (label.kernel.empty() || lower_case(label.kernel).ends_with(".c32"))
            continue; // a local disk, a menu
        BootEntry entry;
        entry.where = fmt::format("{}, label {}", file, label.name);
        entry.file = file;
        set_kernel(entry, label.kernel);
        entry.adds_ip = label.adds_ip;
        std::string initramfs = label.initramfs;
        for (const std::string& word : words_of(label.append.value_or(append_for_all))) {
            if (word.starts_with("initrd="))
                initramfs = word.substr(std::string_view{"initrd="}.size());
            else
                entry.command_line += (entry.command_line.empty() ? "" : " ") + word;
        }
        for (const std::string& name : words_of(initramfs, ","))
            add_initramfs(entry, name);
        entries.push_back(std::move(entry));
    }
    return entries;
}

std::vector<std::string> pxelinux_modules(std::string_view text) {
    std::vector<std::string> modules;
    for (const auto& [word, value] : lines_of(text)) {
        const std::string key = lower_case(word);
        if (key != "ui" && key != "kernel" && key != "default" && key != "com32")
            continue;
        const auto words = words_of(value);
        if (words.empty() || !lower_case(words.front()).ends_with(".c32"))
            continue;
        const auto path = path_in_volume(words.front());
        if (path && std::find(modules.begin(), modules.end(), *path) == modules.end())
            modules.push_back(*path);
    }
    return modules;
}

std::vector<BootEntry> grub_entries(const std::string& file, std::string_view text) {
    return kernel_then_initramfs(
        file, text,
        [](const std::string& key) {
            return key == "linux" || key == "linuxefi" || key == "linux16";
        },
        [](const std::string& key) {
            return key == "initrd" || key == "initrdefi" || key == "initrd16";
        });
}

std::vector<BootEntry> ipxe_entries(const std::string& file, std::string_view text) {
    return kernel_then_initramfs(
        file, text, [](const std::string& key) { return key == "kernel"; },
        [](const std::string& key) { return key == "initrd"; });
}

namespace {

// The kernels that the firmware looks for, the newest model's first, and the initramfs that belongs
// to each with auto_initramfs=1 (Raspberry Pi documentation, config_txt/boot.adoc).
struct UsualNames {
    const char* kernel;
    const char* initramfs;
};
constexpr UsualNames usual_names[] = {{"kernel_2712.img", "initramfs_2712"},
                                      {"kernel8.img", "initramfs8"},
                                      {"kernel7l.img", "initramfs7l"},
                                      {"kernel7.img", "initramfs7"},
                                      {"kernel.img", "initramfs"}};

struct PiSettings {
    std::vector<std::string> kernels;
    std::string initramfs;
    std::string cmdline = "cmdline.txt";
    std::string os_prefix;
    bool auto_initramfs = false;
};

// `depth` keeps files that include each other from going on for ever.
void read_pi_config(std::string_view text, const PiFiles& files, PiSettings& settings,
                    PiConfig& result, int depth) {
    constexpr int deepest = 4;
    bool is_meant = true; // a section for no machine at all is left out, any other is for some
    std::istringstream lines{std::string(text)};
    for (std::string raw; std::getline(lines, raw);) {
        const std::string line = trimmed(raw);
        if (line.empty() || line.front() == '#')
            continue;
        if (line.front() == '[') {
            is_meant = lower_case(line) != "[none]";
            continue;
        }
        if (!is_meant)
            continue;
        const auto words = words_of(line);
        if (words.front() == "include" && words.size() > 1 && depth < deepest) {
            if (const auto included = files.read(words[1]))
                read_pi_config(*included, files, settings, result, depth + 1);
            continue;
        }
        if (words.front() == "initramfs") {
            if (words.size() > 1)
                settings.initramfs = words[1];
            continue;
        }
        const auto equals = line.find('=');
        if (equals == std::string::npos)
            continue;
        const std::string key = trimmed(line.substr(0, equals));
        const std::string value = trimmed(line.substr(equals + 1));
        if (key == "kernel" && std::find(settings.kernels.begin(), settings.kernels.end(), value) ==
                                   settings.kernels.end())
            settings.kernels.push_back(value);
        else if (key == "initramfs")
            result.bad_initramfs.push_back(line);
        else if (key == "ramfsfile")
            settings.initramfs = value;
        else if (key == "auto_initramfs")
            settings.auto_initramfs = value == "1";
        else if (key == "cmdline")
            settings.cmdline = value;
        else if (key == "os_prefix")
            settings.os_prefix = value;
    }
}

} // namespace

PiConfig pi_entries(std::string_view config_txt, const PiFiles& files) {
    PiConfig result;
    PiSettings settings;
    read_pi_config(config_txt, files, settings, result, 0);
    result.names_kernel = !settings.kernels.empty();
    result.os_prefix = settings.os_prefix;
    if (settings.kernels.empty())
        for (const auto& usual : usual_names)
            if (files.exists(settings.os_prefix + usual.kernel))
                settings.kernels.emplace_back(usual.kernel);
    const auto command_line = files.read(settings.os_prefix + settings.cmdline);
    for (const std::string& kernel : settings.kernels) {
        BootEntry entry;
        entry.file = settings.os_prefix + settings.cmdline;
        entry.where = fmt::format("config.txt, {}", kernel);
        entry.kernel = settings.os_prefix + kernel;
        if (!settings.initramfs.empty())
            entry.initramfs.push_back(settings.os_prefix + settings.initramfs);
        else if (settings.auto_initramfs)
            for (const auto& usual : usual_names)
                if (kernel == usual.kernel)
                    entry.initramfs.push_back(settings.os_prefix + usual.initramfs);
        if (command_line)
            entry.command_line = trimmed(command_line->substr(0, command_line->find('\n')));
        result.entries.push_back(std::move(entry));
    }
    return result;
}

} // namespace bootview::doctor
