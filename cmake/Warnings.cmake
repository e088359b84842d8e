# Every target of ours compiles with these; BOOTVIEW_WERROR makes them fatal.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
    $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
    $<$<COMPILE_LANGUAGE:CXX>:-Wmissing-declarations>)
if(BOOTVIEW_WERROR)
    add_compile_options(-Werror)
endif()
