#pragma once

#include "common/lower_case.h"
