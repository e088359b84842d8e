# Every target of ours compiles with these; BOOTVIEW_WERROR makes them fatal.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
    $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
    $<$<COMPILE_LANGUAGE:CXX>:-Wmissing-declarations>)
# Where files are compiled together, what one has to itself is global for the next.
if(NOT CMAKE_UNITY_BUILD)
    add_compile_options(-Wshadow)
endif()
if(BOOTVIEW_WERROR)
    add_compile_options(-Werror)
endif()
