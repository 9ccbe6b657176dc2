# `cpack` in the build directory makes two Debian packages: holdfast (the program, run by systemd) and libholdfast-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The Holdfast authors")
set(CPACK_PACKAGE_CONTACT "The Holdfast authors <holdfast@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "escrow ledger")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME holdfast)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "Holds other people's money, releases it in batches split to the cent, or refunds it.
 A command line, an HTTP server and a console over a ledger in a directory or on PostgreSQL.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers, ca-certificates")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/packaging/debian/postinst ${PROJECT_SOURCE_DIR}/packaging/debian/prerm
    ${PROJECT_SOURCE_DIR}/packaging/debian/postrm)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libholdfast-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, static libraries and CMake files of the Holdfast escrow ledger.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libssl-dev, libsodium-dev, libfmt-dev, libabsl-dev, libpq-dev, pkg-config")

if(TARGET holdfast_program)
  install(FILES packaging/debian/holdfast.service DESTINATION lib/systemd/system COMPONENT program)
  install(FILES packaging/debian/holdfast.sysusers DESTINATION lib/sysusers.d RENAME holdfast.conf COMPONENT program)
  install(FILES packaging/debian/holdfast.env LICENSE docs/operations.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
          COMPONENT program)
endif()
include(CPack)
