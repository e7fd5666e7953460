# SPDX-License-Identifier: ISC
# The target qsp_libcrypto: OpenSSL's libcrypto >= 3.5, the system's or that of ./setup.
set(QSP_OPENSSL_NEEDED 3.5)

add_library(qsp_libcrypto INTERFACE)
if(QSP_OPENSSL_PREFIX)
	foreach(file include/openssl/opensslv.h lib/libcrypto.so)
		if(NOT EXISTS "${QSP_OPENSSL_PREFIX}/${file}")
			message(FATAL_ERROR "no ${file} in QSP_OPENSSL_PREFIX: run ./setup, then make")
		endif()
	endforeach()
	set(QSP_OPENSSL_INCLUDE "${QSP_OPENSSL_PREFIX}/include")
	target_include_directories(qsp_libcrypto SYSTEM INTERFACE "${QSP_OPENSSL_INCLUDE}")
	target_link_libraries(qsp_libcrypto INTERFACE "${QSP_OPENSSL_PREFIX}/lib/libcrypto.so")
	file(STRINGS "${QSP_OPENSSL_INCLUDE}/openssl/opensslv.h" line
		REGEX "define OPENSSL_VERSION_STR ")
	string(REGEX MATCH "[0-9.]+" QSP_OPENSSL_VERSION "${line}")
	if(QSP_OPENSSL_VERSION VERSION_LESS QSP_OPENSSL_NEEDED)
		message(FATAL_ERROR "OpenSSL in QSP_OPENSSL_PREFIX is ${QSP_OPENSSL_VERSION}, "
			"QSP needs ${QSP_OPENSSL_NEEDED}: run ./setup, then make")
	endif()
	# Its place is somebody's cache, which other users cannot read: builds and installations hold
	# a copy in lib/qsp/, found from where the program is. Build and install tree use one path,
	# for CMake pads a path to be rewritten with an empty element, which means the working folder.
	set(QSP_PRIVATE_LIBDIR "${CMAKE_INSTALL_PREFIX}/lib/qsp")
	file(COPY "${QSP_OPENSSL_PREFIX}/lib/libcrypto.so.3" DESTINATION "${PROJECT_BINARY_DIR}/lib/qsp")
	set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
	set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib/qsp")
else()
	find_package(OpenSSL ${QSP_OPENSSL_NEEDED} COMPONENTS Crypto)
	if(NOT OpenSSL_FOUND)
		message(FATAL_ERROR "no OpenSSL >= ${QSP_OPENSSL_NEEDED} here: run ./setup, then make "
			"(which passes -DQSP_OPENSSL_PREFIX=$(./setup --prefix))")
	endif()
	target_link_libraries(qsp_libcrypto INTERFACE OpenSSL::Crypto)
	set(QSP_OPENSSL_VERSION "${OPENSSL_VERSION}")
endif()
message(STATUS "OpenSSL ${QSP_OPENSSL_VERSION}")
