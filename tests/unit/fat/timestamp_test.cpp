#include "fuse-fatimg/fat/timestamp.h"

#include <gtest/gtest.h>
#include <time.h>

using namespace bootview::fat;

namespace {

std::uint16_t date(int year, int month, int day) {
    return static_cast<std::uint16_t>((year - 1980) << 9 | month << 5 | day);
}

TEST(Timestamp, EveryDayIsTheOneOfTheCalendar) {
    for (int year = 1980; year <= 2107; ++year)
        for (int month = 1; month <= 12; ++month)
            for (const int day : {1, 28}) {
                struct tm expected {};
                expected.tm_year = year - 1900;
                expected.tm_mon = month - 1;
                expected.tm_mday = day;
                ASSERT_EQ(decode_time(date(year, month, day), 0, 0, 0).tv_sec, ::timegm(&expected))
                    << year << "-" << month << "-" << day;
            }
}

TEST(Timestamp, TimeZoneAndTenths) {
    const std::uint16_t noon = 12 << 11 | 34 << 5 | 28; // 12:34:56
    const timespec utc = decode_time(date(2026, 11, 21), noon, 0, 0);
    EXPECT_EQ(utc.tv_sec % 86400, 12 * 3600 + 34 * 60 + 56);
    EXPECT_EQ(decode_time(date(2026, 11, 21), noon, 0, 3600).tv_sec, utc.tv_sec - 3600);
    const timespec exact = decode_time(date(2026, 11, 21), noon, 199, 0);
    EXPECT_EQ(exact.tv_sec, utc.tv_sec + 1);
    EXPECT_EQ(exact.tv_nsec, 990'000'000);
}

TEST(Timestamp, MonthAndDayZeroCountAsOne) {
    EXPECT_EQ(decode_time(0, 0, 0, 0).tv_sec, decode_time(date(1980, 1, 1), 0, 0, 0).tv_sec);
}

} // namespace
