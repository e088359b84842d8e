// The one place that says which libfuse interface we speak.
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
