#include "fuse-fatimg/list.h"

#include "common/printable.h"
#include "fuse-fatimg/partition/type_name.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bootview {

namespace {

using partition::TableKind;
using view::Content;
using view::Contents;

const char* name_of(TableKind kind) {
    return kind == TableKind::gpt ? "GPT" : kind == TableKind::mbr ? "MBR" : "no partition table";
}

std::string type_of(const Content& content, TableKind kind) {
    if (kind == TableKind::none)
        return "";
    return kind == TableKind::gpt ? content.partition.type_guid
                                  : fmt::format("{:02x}", content.partition.type);
}

std::string_view type_name_of(const Content& content, TableKind kind) {
    if (kind == TableKind::none)
        return "";
    return kind == TableKind::gpt ? partition::type_name(content.partition.type_guid)
                                  : partition::type_name(content.partition.type);
}

std::size_t width_of(const std::string& text) { // in characters, not bytes
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string state_of(const Content& content) {
    if (!content.is_fat)
        return "";
    if (content.marks.io_error)
        return content.marks.in_use ? "dirty, I/O error" : "I/O error";
    return content.marks.in_use ? "dirty" : "clean";
}

using Json = nlohmann::ordered_json;

Json missing_of(const Content& content) {
    if (!content.shortfall)
        return {};
    return {{"bytes", content.shortfall->bytes},
            {"ends", content.shortfall->of_image ? "image" : "partition"},
            {"holds_files", content.shortfall->holds_files}};
}

} // namespace

std::string list_as_text(const std::string& name, const Contents& contents) {
    constexpr std::size_t columns = 9;
    using Row = std::array<std::string, columns>;
    std::vector<Row> rows{
        {"", "NUMBER", "START", "SIZE", "TYPE", "FILESYSTEM", "LABEL", "UUID", "STATE"}};
    const TableKind kind = contents.table.kind;
    for (const Content& content : contents.contents) {
        const std::string number =
            content.partition.number == 0 ? "-" : fmt::format("{}", content.partition.number);
        const std::string_view type_name = type_name_of(content, kind);
        std::string type{kind == TableKind::gpt && !type_name.empty() ? ""
                                                                      : type_of(content, kind)};
        type += fmt::format("{}{}", type.empty() || type_name.empty() ? "" : " ", type_name);
        rows.push_back({content.is_shown ? "*" : "", number,
                        fmt::format("{}", content.partition.range.offset),
                        fmt::format("{}", content.partition.range.length), type, content.filesystem,
                        printable_in_column(content.label), printable_in_column(content.uuid),
                        state_of(content)});
    }

    std::string text =
        fmt::format("{}: {} bytes, {}", printable_in_column(name), contents.size, name_of(kind));
    if (kind != TableKind::none)
        text += fmt::format(" {}, sectors of {} bytes", contents.table.uuid,
                            contents.table.sector_size);
    text += '\n';
    std::array<std::size_t, columns> widths{};
    for (const Row& row : rows)
        for (std::size_t i = 0; i < columns; ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    widths[0] = 1;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < columns; ++i) {
            const std::string pad(widths[i] - width_of(row[i]), ' ');
            const bool is_number = i >= 1 && i <= 3;
            line += is_number ? pad + row[i] : row[i] + pad;
            line += i == 0 ? " " : "  ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    for (const Content& content : contents.contents)
        if (!content.problem.empty())
            text += content.partition.number == 0
                        ? fmt::format("note: {}\n", content.problem)
                        : fmt::format("note: partition {} {}\n", content.partition.number,
                                      content.problem);
    for (const Content& content : contents.contents)
        if (content.shortfall)
            text +=
                fmt::format("note: {}\n", content.shortfall->describe(content.partition.number));
    for (const std::string& remark : contents.table.remarks)
        text += fmt::format("note: {}\n", remark);
    if (contents.better)
        text += fmt::format("note: {}\n", contents.better->describe());
    text += contents.refusal.empty() ? std::string{"* is what fuse-fatimg shows\n"}
                                     : fmt::format("nothing to show: {}\n", contents.refusal);
    return text;
}

std::string list_as_json(const std::string& name, const Contents& contents) {
    const TableKind kind = contents.table.kind;
    const auto or_null = [](std::string_view text) {
        return text.empty() ? Json{} : Json(std::string{text});
    };
    Json partitions = Json::array();
    for (const Content& content : contents.contents) {
        const auto& partition = content.partition;
        partitions.push_back({
            {"number", partition.number == 0 ? Json{} : Json(partition.number)},
            {"start", partition.range.offset},
            {"size", partition.range.length},
            {"type", or_null(type_of(content, kind))},
            {"type_name", or_null(type_name_of(content, kind))},
            {"partuuid", or_null(partition.uuid)},
            {"partlabel", or_null(partition.name)},
            {"filesystem", content.filesystem},
            {"label", or_null(content.label)},
            {"uuid", or_null(content.uuid)},
            {"dirty", content.is_fat ? Json(content.marks.in_use) : Json{}},
            {"io_error", content.is_fat ? Json(content.marks.io_error) : Json{}},
            {"shown", content.is_shown},
            {"problem", or_null(content.problem)},
            {"missing", missing_of(content)},
        });
    }
    const Json result{
        {"image", name},
        {"size", contents.size},
        {"table", kind == TableKind::gpt   ? Json("gpt")
                  : kind == TableKind::mbr ? Json("mbr")
                                           : Json{}},
        {"table_uuid", or_null(contents.table.uuid)},
        {"sector_size", contents.table.sector_size},
        {"remarks", contents.table.remarks},
        {"partitions", partitions},
        {"better_partition", contents.better ? Json(contents.better->better) : Json{}},
        {"refusal", or_null(contents.refusal)},
    };
    // Labels may be any bytes; what is no UTF-8 becomes U+FFFD.
    return result.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace bootview
