# -DBOOTVIEW_SANITIZE=address,undefined or =thread, for every target.
if(BOOTVIEW_SANITIZE)
    add_compile_options(-fsanitize=${BOOTVIEW_SANITIZE} -fno-omit-frame-pointer
                        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${BOOTVIEW_SANITIZE})
    if(BOOTVIEW_SANITIZE MATCHES "thread")
        # The change ring orders its stores against *another process's* reads of the image with
        # fences. ThreadSanitizer cannot see that other process, so it has nothing to model there.
        add_compile_options(-Wno-tsan)
    endif()
endif()

# libFuzzer learns from what an input reached: all our code reports that.
if(BOOTVIEW_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "BOOTVIEW_FUZZ needs clang: use the preset `fuzz`, or set CXX=clang++-14")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
