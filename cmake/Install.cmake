# SPDX-License-Identifier: ISC
# The programs install themselves (qsp_program); here are the library and the manual.
install(TARGETS qsp_static qsp_shared
	ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
	LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY include/qsp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

# libqsp.so carries its own path to a private OpenSSL; the linker and a static link need it told.
if(QSP_OPENSSL_PREFIX)
	set(QSP_PC_REQUIRES "")
	set(QSP_PC_LIBS " -Wl,-rpath-link,${QSP_OPENSSL_PREFIX}/lib")
	set(QSP_PC_LIBS_PRIVATE
		"-L${QSP_OPENSSL_PREFIX}/lib -Wl,-rpath,${QSP_OPENSSL_PREFIX}/lib -lcrypto")
else()
	set(QSP_PC_REQUIRES "libcrypto >= ${QSP_OPENSSL_NEEDED}")
	set(QSP_PC_LIBS "")
	set(QSP_PC_LIBS_PRIVATE "")
endif()
configure_file(cmake/libqsp.pc.in libqsp.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/libqsp.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

foreach(section 1 5 8)
	install(DIRECTORY docs/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}" OPTIONAL
		FILES_MATCHING PATTERN "*.${section}")
endforeach()
