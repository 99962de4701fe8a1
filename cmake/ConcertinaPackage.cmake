# `cpack -G DEB`: the program as a Debian package. Its dependencies are read off the libraries that
# it was linked with, so only a build against Debian's LibTorch can be packaged.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The authors of Concertina <nobody@localhost>" CACHE STRING
  "who answers for the package")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

# `debian` has what Debian wants elsewhere; zsh's completion too (ConcertinaShell.cmake).
install(FILES LICENSE DESTINATION share/doc/concertina RENAME copyright
  COMPONENT debian EXCLUDE_FROM_ALL)
set(CPACK_COMPONENTS_ALL program debian)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# libtorch is content with the reference BLAS, which takes 16 times as long.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS libopenblas0-pthread)
include(CPack)
