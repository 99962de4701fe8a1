# What find_package(concertina) reads: a target for each installed room (concertina::core, ...), and
# concertina::concertina, which is all of them.

include(CMakePackageConfigHelpers)

get_property(concertina_rooms GLOBAL PROPERTY CONCERTINA_INSTALLED_ROOMS)

add_library(concertina_all INTERFACE)
set_target_properties(concertina_all PROPERTIES EXPORT_NAME concertina)
list(TRANSFORM concertina_rooms PREPEND concertina_ OUTPUT_VARIABLE concertina_libraries)
target_link_libraries(concertina_all INTERFACE ${concertina_libraries})
install(TARGETS concertina_all concertina_torch EXPORT concertina)

set(concertina_package "${CMAKE_INSTALL_LIBDIR}/cmake/concertina")
configure_package_config_file(cmake/concertinaConfig.cmake.in concertinaConfig.cmake
  INSTALL_DESTINATION "${concertina_package}" PATH_VARS CMAKE_INSTALL_DATADIR)
# Before 1.0, a new minor version may change anything.
write_basic_package_version_file(concertinaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT concertina NAMESPACE concertina:: FILE concertinaTargets.cmake
  DESTINATION "${concertina_package}" COMPONENT development)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/concertinaConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/concertinaConfigVersion.cmake"
  cmake/ConcertinaTorchPlace.cmake
  DESTINATION "${concertina_package}" COMPONENT development)
