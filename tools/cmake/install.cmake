# SPDX-License-Identifier: MIT
# cmake --install: headers, both libraries, find_package(rove) and rove.pc.

include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rove)

install(TARGETS rove_static rove_shared rove_sim EXPORT rove
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS rove_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS rove_lockwatch LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT rove NAMESPACE rove:: DESTINATION ${package_dir} FILE roveTargets.cmake)

configure_package_config_file(tools/cmake/roveConfig.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/roveConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/roveConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roveConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/roveConfigVersion.cmake DESTINATION ${package_dir})

# ${pcfiledir} makes the file right wherever the tree is moved to.
file(RELATIVE_PATH ROVE_PC_PREFIX
    /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # lib/pkgconfig -> ../../
if(CMAKE_DL_LIBS)
    set(ROVE_PC_DL -l${CMAKE_DL_LIBS})
endif()
configure_file(tools/cmake/rove.pc.in ${CMAKE_CURRENT_BINARY_DIR}/rove.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rove.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
