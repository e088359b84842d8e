# bootview_man_page(NAME SECTION): NAME.pod, beside the part it documents, becomes NAME(SECTION).
find_program(POD2MAN pod2man REQUIRED)
function(bootview_man_page name section)
    set(source ${CMAKE_CURRENT_SOURCE_DIR}/${name}.pod)
    set(page ${CMAKE_CURRENT_BINARY_DIR}/${name}.${section})
    add_custom_command(
        OUTPUT ${page}
        COMMAND ${POD2MAN} --utf8 --section=${section} --name=${name} --center=bootview
                --release=${PROJECT_VERSION} --errors=die ${source} ${page}
        DEPENDS ${source})
    add_custom_target(man-${name} ALL DEPENDS ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
