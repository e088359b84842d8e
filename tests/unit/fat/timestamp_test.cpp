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

TEST(Timestamp, ImpossibleMonthsAndDaysAreWhatLinuxMakesOfThem) {
    const auto at = [](int year, int month, int day) {
        return decode_time(date(year, month, day), 0, 0, 0).tv_sec;
    };
    constexpr std::int64_t a_day = 86'400;
    EXPECT_EQ(at(2023, 13, 5), at(2023, 1, 5));
    EXPECT_EQ(at(2024, 15, 5), at(2024, 1, 5) + a_day) << "a leap year";
    EXPECT_EQ(at(2023, 2, 30), at(2023, 3, 2));
    EXPECT_EQ(at(2024, 2, 30), at(2024, 3, 1));
    EXPECT_EQ(at(2023, 4, 31), at(2023, 5, 1));
}

TEST(Timestamp, FromTheFirstYearToTheLast) {
    EXPECT_EQ(decode_time(date(1980, 1, 1), 0, 0, 0).tv_sec, 315'532'800);
    const std::uint16_t last = 23 << 11 | 59 << 5 | 29;
    EXPECT_EQ(decode_time(date(2107, 12, 31), last, 0, 0).tv_sec, 4'354'819'198);
}

} // namespace
