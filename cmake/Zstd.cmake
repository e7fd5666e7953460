# SPDX-License-Identifier: ISC
# libzstd, for Compression. Used where it is installed (Debian package libzstd-dev), unless
# -DQSP_ZSTD=OFF; without it -C is refused. The target qsp_zstd is empty without it.
option(QSP_ZSTD "Use libzstd where it is installed" ON)

add_library(qsp_zstd INTERFACE)
if(QSP_ZSTD)
	find_path(QSP_ZSTD_INCLUDE zstd.h)
	find_library(QSP_ZSTD_LIBRARY zstd)
	mark_as_advanced(QSP_ZSTD_INCLUDE QSP_ZSTD_LIBRARY)
	if(QSP_ZSTD_INCLUDE AND QSP_ZSTD_LIBRARY)
		target_compile_definitions(qsp_zstd INTERFACE QSP_HAVE_ZSTD=1)
		target_include_directories(qsp_zstd SYSTEM INTERFACE "${QSP_ZSTD_INCLUDE}")
		target_link_libraries(qsp_zstd INTERFACE "${QSP_ZSTD_LIBRARY}")
		message(STATUS "libzstd: ${QSP_ZSTD_LIBRARY}")
	endif()
endif()
