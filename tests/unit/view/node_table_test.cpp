// What bounds the memory of a view.
#include "fuse-fatimg/view/node_table.h"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace bootview::view;

namespace {

TEST(NodeTable, AsksForNothingWhileThereAreFewNodes) {
    NodeTable table;
    auto root = std::make_shared<DirectoryNode>();
    table.insert_as(root_id, root);
    table.on_surplus([](NodeId, const std::string&) { FAIL(); });
    for (int i = 0; i < 1000; ++i) {
        auto file = std::make_shared<FileNode>();
        file->parent = root;
        file->lookups = 1;
        table.insert(file);
        table.report_surplus();
    }
}

TEST(NodeTable, NamesTheOldestFirstAndThenAllTheOthers) {
    NodeTable table;
    auto root = std::make_shared<DirectoryNode>();
    table.insert_as(root_id, root);
    std::vector<std::string> named;
    table.on_surplus([&](NodeId directory, const std::string& name) {
        EXPECT_EQ(directory, root_id);
        named.push_back(name);
    });
    constexpr int count = 50'100;
    for (int i = 0; i < count; ++i) {
        auto file = std::make_shared<FileNode>();
        file->parent = root;
        file->lookups = 1;
        file->entry.name = fmt::format("{}", i);
        table.insert(file);
    }
    table.report_surplus();
    ASSERT_FALSE(named.empty());
    EXPECT_EQ(named.front(), "0");
    for (int i = 0; i < count; ++i)
        table.report_surplus();
    EXPECT_EQ(std::set<std::string>(named.begin(), named.end()).size(), std::size_t{count});
}

TEST(RecentlyUsed, KnowsTheSumAndWhoWasNotUsedLongest) {
    RecentlyUsed<int> used;
    int a = 1, b = 2, c = 3;
    used.put(&a, 10);
    used.put(&b, 20);
    used.put(&c, 30);
    const auto any = [](int) { return true; };
    EXPECT_EQ(used.total(), 60U);
    EXPECT_EQ(used.oldest(any), &a);
    used.use(&a);
    EXPECT_EQ(used.oldest(any), &b);
    EXPECT_EQ(used.oldest([](int value) { return value != 2; }), &c);
    used.put(&b, 5);
    EXPECT_EQ(used.total(), 45U);
    EXPECT_EQ(used.oldest(any), &c);
    used.remove(&c);
    used.remove(&c);
    EXPECT_EQ(used.total(), 15U);
    used.remove(&a);
    used.remove(&b);
    EXPECT_EQ(used.oldest(any), nullptr);
}

} // namespace
