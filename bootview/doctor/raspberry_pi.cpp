#include "bootview/doctor/raspberry_pi.h"

#include "bootview/doctor/boot_entries.h"
#include "bootview/run_command.h"
#include "tftp-bridge/clients/pi_pitfalls.h"

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

// Of EEPROMs since 2022-10-03 (their release notes); before that 1024, with which files may be
// smaller still.
constexpr std::uint32_t usual_block = 1468;

void check_firmware(const OpenImage& image, Findings& findings) {
    const BootVolume& volume = *image.volume;
    const bool for_4 = volume.has_file("start4.elf");
    const bool for_3 = volume.has_file("start.elf") || volume.has_file("bootcode.bin");
    const bool for_5 = volume.has_file("kernel_2712.img") || volume.has_file("bcm2712-rpi-5-b.dtb");
    if (!for_3 && !for_4 && !for_5)
        findings.fail("pi-firmware-missing", image.path,
                      "has a config.txt, and neither start4.elf nor start.elf, which a Raspberry "
                      "Pi up to 4 loads first",
                      fmt::format("mcopy {} /boot/firmware/start4.elf /boot/firmware/fixup4.dat ::",
                                  image.for_mtools()));
    if (for_4 && !volume.has_file("fixup4.dat"))
        findings.warn("pi-fixup-missing", image.path,
                      "has start4.elf without its fixup4.dat: a Raspberry Pi sees less memory",
                      fmt::format("mcopy {} /boot/firmware/fixup4.dat ::", image.for_mtools()));
}

void check_large_files(const OpenImage& image, const std::vector<BootEntry>& entries,
                       Findings& findings) {
    std::vector<std::string> names;
    for (const BootEntry& entry : entries) {
        names.push_back(entry.kernel);
        names.insert(names.end(), entry.initramfs.begin(), entry.initramfs.end());
    }
    for (const std::string& name : names) {
        const auto file = image.volume->find(name);
        if (!file)
            continue;
        const std::string pitfall =
            clients::pitfall_of(name, file->size, usual_block, [] { return true; });
        if (!pitfall.empty()) {
            findings.warn("pi-file-too-large", name, pitfall,
                          "rpi-eeprom-update -a # on the Pi, booted from a card");
            return;
        }
    }
}

} // namespace

bool has_more_than_one_line(std::string_view cmdline) {
    const auto end = cmdline.find('\n');
    return end != std::string_view::npos &&
           cmdline.substr(end).find_first_not_of(" \t\r\n") != std::string_view::npos;
}

void check_raspberry_pi(const OpenImage& image, Findings& findings) {
    const BootVolume& volume = *image.volume;
    try {
        const auto config_txt = volume.read_text("config.txt");
        if (!config_txt)
            return;
        for (const std::string_view name : clients::pi_eeprom_updates)
            if (volume.has_file(name))
                findings.warn("pi-eeprom-update", std::string(name),
                              clients::pitfall_of(name, 1, usual_block, [] { return true; }),
                              fmt::format("mdel {} ::{}", image.for_mtools(), name));
        check_firmware(image, findings);
        const PiConfig config = pi_entries(
            *config_txt, {[&](const std::string& name) { return volume.has_file(name); },
                          [&](const std::string& name) { return volume.read_text(name); }});
        if (config.entries.empty())
            findings.fail("kernel-missing", "config.txt",
                          "names no kernel, and none has one of the usual names (kernel8.img ...)",
                          fmt::format("mcopy {} KERNEL ::kernel8.img", image.for_mtools()));
        for (const std::string& line : config.bad_initramfs)
            findings.fail("pi-initramfs-line", "config.txt",
                          fmt::format("\"{}\" is not understood: initramfs takes no '='", line),
                          image.edit_line("config.txt",
                                          "s/^[ \\t]*initramfs *= *\\([^ ]*\\).*/initramfs \\1 "
                                          "followkernel/"));
        for (const BootEntry& entry : config.entries) {
            const auto cmdline = volume.read_text(entry.file);
            if (!cmdline)
                findings.fail("pi-cmdline-missing", entry.file, "is not there",
                              fmt::format("mcopy {} CMDLINE {}", image.for_mtools(),
                                          shell_word("::" + entry.file)));
            else if (has_more_than_one_line(*cmdline))
                findings.fail("pi-cmdline-lines", entry.file,
                              "has more than one line, of which the first alone counts",
                              image.edit_line(entry.file, ":a;N;$!ba;s/[ \\n]*\\n[ \\n]*/ /g;"
                                                          "s/ *$//"));
            else
                continue;
            break; // they share it
        }
        check_large_files(image, config.entries, findings);
    } catch (const Damaged& damaged) {
        if (findings.find("fat-damaged") == nullptr)
            findings.fail("fat-damaged", image.path, damaged.what());
    }
}

} // namespace bootview::doctor
