# SPDX-License-Identifier: ISC
# Libraries that are used where they are installed, unless -DQSP_NAME=OFF.

# qsp_optional(NAME header library): the target qsp_name, which is empty without the library, and with
# it defines QSP_HAVE_NAME.
function(qsp_optional name header library)
	string(TOLOWER qsp_${name} target)
	option(QSP_${name} "Use ${library} where it is installed" ON)
	add_library(${target} INTERFACE)
	if(NOT QSP_${name})
		return()
	endif()
	find_path(QSP_${name}_INCLUDE ${header})
	find_library(QSP_${name}_LIBRARY ${library})
	mark_as_advanced(QSP_${name}_INCLUDE QSP_${name}_LIBRARY)
	if(QSP_${name}_INCLUDE AND QSP_${name}_LIBRARY)
		target_compile_definitions(${target} INTERFACE QSP_HAVE_${name}=1)
		target_include_directories(${target} SYSTEM INTERFACE "${QSP_${name}_INCLUDE}")
		target_link_libraries(${target} INTERFACE "${QSP_${name}_LIBRARY}")
		message(STATUS "${library}: ${QSP_${name}_LIBRARY}")
	endif()
endfunction()

# seals and opens cells of AES-256-GCM in half of libcrypto's time (Debian package libipsec-mb-dev)
qsp_optional(IPSECMB intel-ipsec-mb.h IPSec_MB)
# for Compression (Debian package libzstd-dev); without it -C is refused
qsp_optional(ZSTD zstd.h zstd)
