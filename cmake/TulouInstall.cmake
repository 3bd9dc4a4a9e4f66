# SPDX-License-Identifier: MIT
#
# make install: the executable, the hosted programs behind its commands (libexec/tulou), libtulou.a, its headers, tulou.pc, and the man page.
configure_file(${CMAKE_CURRENT_LIST_DIR}/tulou.pc.in ${PROJECT_BINARY_DIR}/tulou.pc @ONLY)

if(TARGET tulou)
	install(TARGETS tulou RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS tulou-replay RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/tulou)
install(FILES ${PROJECT_BINARY_DIR}/libtulou.a DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/tulou ${PROJECT_BINARY_DIR}/include/tulou
	DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/tulou.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_SOURCE_DIR}/docs/tulou.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
