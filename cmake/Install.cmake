# SPDX-License-Identifier: ISC
# The programs install themselves (qsp_program); here are the library and the manual.
install(TARGETS qsp_static qsp_shared
	ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
	LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY include/qsp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

# A private libcrypto goes along; libqsp.so knows where it is, the linker and a static link need
# it told.
if(QSP_OPENSSL_PREFIX)
	install(FILES "${QSP_OPENSSL_PREFIX}/lib/libcrypto.so.3"
		DESTINATION "${QSP_PRIVATE_LIBDIR}"
		PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
		WORLD_READ WORLD_EXECUTE)
	set(QSP_PC_REQUIRES "")
	set(QSP_PC_LIBS " -Wl,-rpath-link,${QSP_PRIVATE_LIBDIR}")
	set(QSP_PC_LIBS_PRIVATE
		"-L${QSP_PRIVATE_LIBDIR} -Wl,-rpath,${QSP_PRIVATE_LIBDIR} -l:libcrypto.so.3")
else()
	set(QSP_PC_REQUIRES "libcrypto >= ${QSP_OPENSSL_NEEDED}")
	set(QSP_PC_LIBS "")
	set(QSP_PC_LIBS_PRIVATE "")
endif()
if(QSP_IPSECMB AND QSP_IPSECMB_INCLUDE AND QSP_IPSECMB_LIBRARY)
	string(APPEND QSP_PC_LIBS_PRIVATE " -lIPSec_MB")
endif()
configure_file(cmake/libqsp.pc.in libqsp.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/libqsp.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

foreach(section 1 5 8)
	install(DIRECTORY docs/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}" OPTIONAL
		FILES_MATCHING PATTERN "*.${section}")
endforeach()
