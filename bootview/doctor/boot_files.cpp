#include "bootview/doctor/boot_files.h"

#include "bootview/doctor/command_line.h"
#include "bootview/doctor/initramfs.h"
#include "bootview/doctor/kernel.h"
#include "bootview/doctor/root_modules.h"
#include "bootview/run_command.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

constexpr std::uint64_t largest_kernel = std::uint64_t{256} << 20;
constexpr std::uint64_t largest_initramfs = std::uint64_t{1} << 30;

template<typename Parse>
void add_entries(const BootVolume& volume, const std::string& file, Parse parse,
                 std::vector<BootEntry>& entries) {
    if (const auto text = volume.read_text(file)) {
        auto found = parse(file, *text);
        std::move(found.begin(), found.end(), std::back_inserter(entries));
    }
}

PiFiles files_of(const BootVolume& volume) {
    return {[&volume](const std::string& name) { return volume.has_file(name); },
            [&volume](const std::string& name) { return volume.read_text(name); }};
}

std::string joined(const std::set<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

bool is_pi_entry(const BootEntry& entry) {
    return entry.where.starts_with("config.txt");
}

// A line that changes the system in the image: typed on this server, it would change the server's.
std::string in_its_system(const BootEntry& entry, const std::string& command) {
    return is_pi_entry(entry)
               ? fmt::format("sudo {} # on the Pi itself, booted from a card with this image: "
                             "docs/boot-a-raspberry-pi.md, step 2",
                             command)
               : fmt::format("sudo {} # in the image's own system while it runs, not on this "
                             "server; for a new image: docs/boot-a-debian-pc.md, step 2",
                             command);
}

// Goes through the entries of one image, and remembers what it read of files that they share.
class EntryChecks {
public:
    EntryChecks(const OpenImage& image, const Served& served, const Unpack& unpack,
                Findings& findings)
        : image_(image), served_(served), unpack_(unpack), findings_(findings) {}

    void check(const BootEntry& entry) {
        const CommandLine line = parse_command_line(entry.command_line);
        const std::string kernel = check_files(entry);
        check_command_line(entry, line);
        if (!kernel.empty())
            check_root(entry, line, kernel);
    }

    // Gives the version of the kernel; empty where that is not known.
    std::string check_files(const BootEntry& entry) {
        const std::string kernel = check_kernel(entry);
        if (kernel == missing)
            return {};
        const std::string version = kernel == unknown ? "" : kernel;
        check_initramfs(entry, version);
        return version;
    }

private:
    static constexpr const char* missing = "-";
    static constexpr const char* unknown = "?";

    std::string check_kernel(const BootEntry& entry) {
        if (entry.kernel.empty() || !image_.volume->has_file(entry.kernel)) {
            once("kernel-missing", entry, fmt::format("the kernel {} is not there", entry.kernel),
                 fmt::format("mcopy {} KERNEL {}", image_.for_mtools(),
                             shell_word("::" + entry.kernel)));
            return missing;
        }
        auto [known, is_new] = kernels_.try_emplace(entry.kernel);
        if (is_new) {
            const auto bytes = image_.volume->read(entry.kernel, largest_kernel);
            if (bytes->empty()) {
                once("kernel-empty", entry, fmt::format("the kernel {} is empty", entry.kernel),
                     fmt::format("mcopy -o {} KERNEL {}", image_.for_mtools(),
                                 shell_word("::" + entry.kernel)));
                known->second = missing;
            } else {
                known->second = kernel_version(*bytes, unpack_);
                if (known->second.empty())
                    known->second = unknown;
            }
        }
        return known->second;
    }

    const Initramfs* read(const std::string& name) {
        auto [known, is_new] = initramfs_.try_emplace(name);
        if (is_new)
            known->second = read_initramfs(*image_.volume->read(name, largest_initramfs), unpack_);
        return &known->second;
    }

    void check_initramfs(const BootEntry& entry, const std::string& kernel) {
        const std::string update = in_its_system(entry, "apt install ./bootview-initramfs_*.deb");
        const std::string build = in_its_system(entry, "update-initramfs -u -k all");
        if (entry.initramfs.empty()) {
            once("initrd-not-named", entry,
                 "names no initramfs, without which no root can be attached",
                 is_pi_entry(entry) ? image_.edit_line("config.txt", "$aauto_initramfs=1") : build);
            return;
        }
        Initramfs all;
        std::string names;
        for (const std::string& name : entry.initramfs) {
            if (!image_.volume->has_file(name)) {
                once("initrd-missing", entry, fmt::format("the initramfs {} is not there", name),
                     fmt::format("mcopy {} INITRAMFS {}", image_.for_mtools(),
                                 shell_word("::" + name)));
                return;
            }
            all.add(*read(name));
            names += (names.empty() ? "" : ", ") + name;
        }
        if (all.state == InitramfsState::not_unpackable) {
            // An image for several models of a board has an initramfs for each.
            const std::string package = package_of(*all.packing);
            if (said_.insert("initrd-not-unpackable " + package).second)
                findings_.not_checked("initrd-not-unpackable", names,
                                      "can't be looked into: its packing needs a program that is "
                                      "not installed",
                                      fmt::format("apt install {}", package));
            return;
        }
        if (all.state == InitramfsState::damaged) {
            once("initrd-damaged", entry,
                 fmt::format("the initramfs {} can't be unpacked: it was cut off, or is none",
                             names),
                 build);
            return;
        }
        if (!kernel.empty() && !all.kernels.empty() && all.kernels.count(kernel) == 0)
            once("initrd-other-kernel", entry,
                 fmt::format("the kernel is {}, and the initramfs {} is for {}", kernel, names,
                             joined(all.kernels)),
                 in_its_system(entry, fmt::format("update-initramfs -c -k {}", kernel)));
        const bool has_driver = kernel.empty() || all.kernels.count(kernel) == 0
                                    ? !all.nbd_kernels.empty()
                                    : all.nbd_kernels.count(kernel) != 0;
        if (!has_driver && !all.kernels.empty())
            once("initrd-without-nbd-module", entry,
                 fmt::format("the initramfs {} has no driver for NBD", names), update);
        else if (!has_driver)
            findings_.not_checked("initrd-nbd-module-unknown", names,
                                  "holds no modules; that nbd is built into the kernel can't be "
                                  "seen from here");
        if (!all.has_nbd_client)
            once("initrd-without-nbd-client", entry,
                 fmt::format("the initramfs {} has no NBD client", names), update);
        else if (!all.has_nbd_script)
            once("initrd-without-nbd-script", entry,
                 fmt::format("the initramfs {} has no script that attaches the root", names),
                 update);
        else if (!all.has_bootview && findings_.find("initrd-stock-client") == nullptr)
            findings_.warn("initrd-stock-client", names,
                           "attaches the root by nbd-client's own script: it does not wait for a "
                           "server, nor survive that one restarts",
                           update);
    }

    void check_command_line(const BootEntry& entry, const CommandLine& line) {
        const NbdRoot& root = *line.nbd_root;
        if (!line.nbd_error.empty()) {
            once("cmdline-nbdroot-malformed", entry,
                 fmt::format("{} {}", root.word, line.nbd_error), replace_root(entry, root));
            return;
        }
        if (line.root.empty())
            once("cmdline-without-root", entry,
                 "its command line has no root=, so the kernel does not know which partition "
                 "of the export it is",
                 edit(entry, root.word, root.word + " root=/dev/nbd0p2"));
        if (!line.has_ip && !entry.adds_ip && findings_.find("cmdline-without-ip") == nullptr)
            findings_.warn("cmdline-without-ip", entry.where,
                           "its command line has no ip=, so not every initramfs has a network "
                           "by then",
                           edit(entry, root.word, "ip=dhcp " + root.word));
        check_server(entry, root);
        const auto file = served_.file_names.find(root.name);
        const std::string& asked = file == served_.file_names.end() ? root.name : file->second;
        if (!served_.exports.empty() && !root.name.empty() && served_.exports.count(asked) == 0)
            once("cmdline-unknown-export", entry,
                 fmt::format("asks for the export '{}', and there are {}", root.name,
                             joined(served_.exports)),
                 replace_root(entry, root));
        else if (!served_.exports.empty() && root.name.empty() && !root.host.empty() &&
                 root.host != "dhcp")
            once("cmdline-without-export", entry, "names no export, and there are several",
                 replace_root(entry, root));
        else if (!served_.exports.empty() && !root.name.empty() && asked != served_.name)
            findings_.warn(
                "cmdline-other-export", entry.where,
                fmt::format("boots the root of '{}', another image than its own", root.name),
                replace_root(entry, root));
    }

    void check_server(const BootEntry& entry, const NbdRoot& root) {
        if (root.port != served_.nbd_port)
            once("cmdline-other-port", entry,
                 fmt::format("goes to port {}, and NBD is served on {}", root.port,
                             served_.nbd_port),
                 replace_root(entry, root));
        const auto address = dhcp::Ipv4::from_text(root.host);
        if (!address) // told by DHCP or the boot loader
            return;
        if (!served_.network.serves_on(*address))
            once("cmdline-other-server", entry,
                 fmt::format("goes to the server {}, which is no address that is served on here",
                             root.host),
                 replace_root(entry, root));
    }

    // The partition of root=, and its modules.
    void check_root(const BootEntry& entry, const CommandLine& line, const std::string& kernel) {
        const RootModules modules = modules_on_root(image_, line.root);
        if (modules.state == RootState::no_such_partition)
            once("cmdline-root-partition-missing", entry,
                 fmt::format("root={} names a partition that the image does not have", line.root),
                 fmt::format("fuse-fatimg --list {}", shell_word(image_.path)));
        else if (modules.state == RootState::listed && modules.kernels.count(kernel) == 0)
            once(
                "modules-missing", entry,
                fmt::format("the kernel is {}, and the root file system has modules {}", kernel,
                            modules.kernels.empty() ? "of none" : "for " + joined(modules.kernels)),
                in_its_system(entry, fmt::format("apt install --reinstall linux-image-{}",
                                                 shell_word(kernel))));
        else if (modules.state == RootState::no_program)
            findings_.not_checked("modules-not-checked", image_.path,
                                  "debugfs, which reads its root file system, is not installed",
                                  "apt install e2fsprogs");
    }

    std::string edit(const BootEntry& entry, const std::string& from, const std::string& to) const {
        return image_.edit_line(entry.file,
                                fmt::format("s/{}/{}/", sed_pattern(from), sed_replacement(to)));
    }

    std::string replace_root(const BootEntry& entry, const NbdRoot& root) const {
        return edit(entry, root.word, nbd_root_word(served_));
    }

    // Several entries share their files: what is wrong with one of them is said once.
    void once(const char* id, const BootEntry& entry, std::string what, std::string fix) {
        if (said_.insert(id + what).second)
            findings_.fail(id, entry.where, std::move(what), std::move(fix));
    }

public:
    static std::string nbd_root_word(const Served& served) {
        const auto address = served.network.address();
        const std::string host = address ? address->to_string() : "ADDRESS";
        const std::string name = served.exports.empty() ? "boot" : served.name;
        return served.nbd_port == 10809
                   ? fmt::format("nbdroot={},{},nbd0", host, name)
                   : fmt::format("nbdroot={}:{}/{}", host, served.nbd_port, name);
    }

private:
    const OpenImage& image_;
    const Served& served_;
    const Unpack& unpack_;
    Findings& findings_;
    std::map<std::string, std::string> kernels_; // versions, by path
    std::map<std::string, Initramfs> initramfs_;
    std::set<std::string> said_;
};

// A boot loader without what it loads.
void check_loaders(const OpenImage& image, Findings& findings) {
    const BootVolume& volume = *image.volume;
    const auto copy = [&](const std::string& from, const std::string& to) {
        return fmt::format("mcopy {} {} ::{}", image.for_mtools(), from, to);
    };
    if (volume.has_file("pxelinux.0") || volume.has_file("lpxelinux.0")) {
        if (!volume.has_file("ldlinux.c32"))
            findings.fail("pxelinux-incomplete", image.path,
                          "has pxelinux.0, and not the ldlinux.c32 that it loads first",
                          copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", ""));
        const auto configurations = volume.list("pxelinux.cfg");
        if (configurations.empty())
            findings.fail("pxelinux-configuration-missing", image.path,
                          "has pxelinux.0, and no configuration in pxelinux.cfg",
                          fmt::format("mmd {0} ::pxelinux.cfg; mcopy {0} CONFIGURATION "
                                      "::pxelinux.cfg/default",
                                      image.for_mtools()));
        for (const fat::Entry& entry : configurations) {
            const std::string file = "pxelinux.cfg/" + entry.name;
            const auto text = volume.read_text(file);
            for (const std::string& module : pxelinux_modules(text.value_or("")))
                if (!volume.has_file(module))
                    findings.fail("pxelinux-module-missing", file,
                                  fmt::format("needs {}, which is not there", module),
                                  copy("/usr/lib/syslinux/modules/bios/" + module, module));
        }
    }
}

void check_no_nbd_entry(const OpenImage& image, const Served& served,
                        const std::vector<BootEntry>& entries, Findings& findings) {
    const BootEntry& entry = entries.front();
    const std::string root = EntryChecks::nbd_root_word(served);
    const std::string words = "ip=dhcp " + root + " root=/dev/nbd0p2";
    // The Pi's command line is all of its file; elsewhere it stands behind `append`, or the kernel.
    std::string script = fmt::format("1s/ *root=[^ ]*//;1s/$/ {}/", sed_replacement(words));
    if (!is_pi_entry(entry)) {
        const bool has_append =
            entry.file.starts_with("pxelinux.cfg/") || entry.file.starts_with("extlinux/");
        script = fmt::format("/^[ \\t]*{} /I{{s/ root=[^ ]*//;s/$/ {}/}}",
                             has_append ? "append" : "\\(linux\\|linuxefi\\|kernel\\)",
                             sed_replacement(words));
    }
    findings.fail("cmdline-without-nbdroot", entry.where,
                  "its command line has no nbdroot=, nor has any other: nothing here takes its "
                  "root from an NBD server",
                  image.edit_line(entry.file, script));
}

void check_update_fits(const OpenImage& image, const std::vector<BootEntry>& entries,
                       Findings& findings) {
    std::uint64_t largest = 0;
    for (const BootEntry& entry : entries) {
        std::uint64_t both = 0;
        if (const auto kernel = image.volume->find(entry.kernel))
            both += kernel->size;
        for (const std::string& name : entry.initramfs)
            if (const auto initramfs = image.volume->find(name))
                both += initramfs->size;
        largest = std::max(largest, both);
    }
    const auto free = image.volume->free_bytes();
    if (free && *free < largest)
        findings.warn("boot-partition-full", image.path,
                      fmt::format("its boot partition has {} KiB left; an update writes the new "
                                  "kernel and initramfs, {} KiB, beside the old ones",
                                  *free >> 10, largest >> 10),
                      fmt::format("mdir {} ::", image.for_mtools()));
}

} // namespace

std::vector<BootEntry> entries_of(const BootVolume& volume) {
    std::vector<BootEntry> entries;
    for (const fat::Entry& entry : volume.list("pxelinux.cfg"))
        if (!entry.is_directory())
            add_entries(volume, "pxelinux.cfg/" + entry.name, pxelinux_entries, entries);
    add_entries(volume, "extlinux/extlinux.conf", pxelinux_entries, entries);
    for (const char* file : {"grub/grub.cfg", "boot/grub/grub.cfg"})
        add_entries(volume, file, grub_entries, entries);
    for (const fat::Entry& entry : volume.list("EFI"))
        if (entry.is_directory())
            add_entries(volume, "EFI/" + entry.name + "/grub.cfg", grub_entries, entries);
    for (const fat::Entry& entry : volume.list("/"))
        if (fat::fold(entry.name).ends_with(".ipxe"))
            add_entries(volume, entry.name, ipxe_entries, entries);
    if (const auto config = volume.read_text("config.txt")) {
        auto pi = pi_entries(*config, files_of(volume));
        std::move(pi.entries.begin(), pi.entries.end(), std::back_inserter(entries));
    }
    return entries;
}

void check_boot_files(const OpenImage& image, const Served& served, const Unpack& unpack,
                      Findings& findings) {
    try {
        check_loaders(image, findings);
        std::vector<BootEntry> entries = entries_of(*image.volume);
        if (entries.empty()) {
            findings.fail("boot-configuration-missing", image.path,
                          "its boot partition has no configuration of a boot loader that names a "
                          "kernel (pxelinux.cfg, grub.cfg, *.ipxe, config.txt)",
                          fmt::format("mdir -/ {} ::", image.for_mtools()));
            return;
        }
        EntryChecks checks{image, served, unpack, findings};
        unsigned from_nbd = 0;
        const std::size_t before = findings.all().size();
        for (const BootEntry& entry : entries) {
            if (!parse_command_line(entry.command_line).nbd_root)
                continue; // a local disk, a memory test
            ++from_nbd;
            if (entry.elsewhere)
                findings.not_checked("boot-entry-elsewhere", entry.where,
                                     "loads its files from somewhere else, or by names that only "
                                     "the boot loader knows");
            else
                checks.check(entry);
        }
        if (from_nbd == 0) {
            check_no_nbd_entry(image, served, entries, findings);
            if (!entries.front().elsewhere) // what else will be missing then
                checks.check_files(entries.front());
        }
        check_update_fits(image, entries, findings);
        if (from_nbd > 0 && findings.all().size() == before)
            findings.fine(
                "boot-files", image.path,
                fmt::format("{} way{} to boot, complete", from_nbd, from_nbd == 1 ? "" : "s"));
    } catch (const Damaged& damaged) {
        if (findings.find("fat-damaged") == nullptr)
            findings.fail("fat-damaged", image.path, damaged.what());
    }
}

} // namespace bootview::doctor
