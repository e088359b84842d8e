#include "nbdkit-plugin/notify_settings.h"

#include <gtest/gtest.h>

namespace bootview::plugin {
namespace {

TEST(NotifySettings, NbdkitsOptionForReadOnlyIsFoundInEveryForm) {
    EXPECT_TRUE(is_read_only({"nbdkit", "-r", "bootview", "disk.img"}));
    EXPECT_TRUE(is_read_only({"nbdkit", "-fr", "bootview", "disk.img"}));
    EXPECT_TRUE(is_read_only({"nbdkit", "-p", "10809", "-vr", "bootview", "disk.img"}));
    EXPECT_TRUE(is_read_only({"nbdkit", "bootview", "disk.img", "--read-only"}));
    EXPECT_TRUE(is_read_only({"nbdkit", "--readonly", "bootview", "disk.img"}));
}

TEST(NotifySettings, WhatOnlyLooksLikeItIsNot) {
    EXPECT_FALSE(is_read_only({}));
    EXPECT_FALSE(is_read_only({"-r"}));
    EXPECT_FALSE(is_read_only({"nbdkit", "-f", "bootview", "r.img"}));
    EXPECT_FALSE(is_read_only({"nbdkit", "-P", "-r", "bootview", "disk.img"}));
    EXPECT_FALSE(is_read_only({"nbdkit", "-Userver.sock", "bootview", "disk.img"}));
    EXPECT_FALSE(is_read_only({"nbdkit", "-U", "-", "bootview", "disk.img", "--run", "mount -r"}));
    EXPECT_FALSE(is_read_only({"nbdkit", "bootview", "disk.img", "--", "-r"}));
}

} // namespace
} // namespace bootview::plugin
