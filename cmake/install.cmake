# What `cmake --install` puts where. All of it may be moved together: nothing knows its place.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(leat_abi ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})  # of the C++ interface of libleat
set(leat_plugin_cflags -fvisibility=hidden -fvisibility-inlines-hidden)
set(leat_plugin_ldflags -Wl,-Bsymbolic)
string(REPLACE ";" " " leat_plugin_cflags_text "${leat_plugin_cflags}")
string(REPLACE ";" " " leat_plugin_ldflags_text "${leat_plugin_ldflags}")

# The engine as a shared library, so that who uses it needs none of what it is made of. Where the
# build type makes a program of the objects themselves, it is beside the program.
if(kind STREQUAL SHARED)
  set(library engine)
else()
  set(library engine_library)
  add_library(${library} SHARED $<TARGET_OBJECTS:engine>)
  target_link_libraries(${library} PRIVATE engine_needs)
  target_link_options(${library} PRIVATE
    -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/exported.map)
  set_property(TARGET ${library} APPEND PROPERTY LINK_DEPENDS
    ${CMAKE_SOURCE_DIR}/cmake/exported.map)
endif()
set_target_properties(${library} PROPERTIES OUTPUT_NAME leat
  VERSION ${PROJECT_VERSION} SOVERSION ${leat_abi})

file(RELATIVE_PATH to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
set_target_properties(leat PROPERTIES
  INSTALL_RPATH "$ORIGIN/${to_lib}$<SEMICOLON>$ORIGIN/${to_lib}/leat")
set_target_properties(${library} PROPERTIES INSTALL_RPATH "$ORIGIN/leat")
install(CODE "set(CMAKE_INSTALL_DO_STRIP ON)")  # debug information names folders of the build
install(TARGETS leat ${library} leat_plugin)
install(DIRECTORY include/leat TYPE INCLUDE)
file(GLOB onnxruntime_files ${ort}/lib/libonnxruntime.so.*)
install(FILES ${onnxruntime_files} DESTINATION ${CMAKE_INSTALL_LIBDIR}/leat)

configure_package_config_file(cmake/leatConfig.cmake.in ${CMAKE_BINARY_DIR}/leatConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/leat
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/leatConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/leatConfig.cmake ${CMAKE_BINARY_DIR}/leatConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/leat)
file(RELATIVE_PATH leat_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(name leat leat-plugin)
  configure_file(cmake/${name}.pc.in ${CMAKE_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

install(FILES LICENSE TYPE DOC)
install(FILES ${ort}/LICENSE ${ort}/ThirdPartyNotices.txt
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/onnxruntime)
