# SPDX-License-Identifier: ISC
# intel-ipsec-mb, which seals and opens cells of AES-256-GCM in half of libcrypto's time. Used where
# it is installed (Debian package libipsec-mb-dev), unless -DQSP_IPSECMB=OFF. The target
# qsp_ipsecmb is empty without it.
option(QSP_IPSECMB "Use intel-ipsec-mb where it is installed" ON)

add_library(qsp_ipsecmb INTERFACE)
if(QSP_IPSECMB)
	find_path(QSP_IPSECMB_INCLUDE intel-ipsec-mb.h)
	find_library(QSP_IPSECMB_LIBRARY IPSec_MB)
	mark_as_advanced(QSP_IPSECMB_INCLUDE QSP_IPSECMB_LIBRARY)
	if(QSP_IPSECMB_INCLUDE AND QSP_IPSECMB_LIBRARY)
		target_compile_definitions(qsp_ipsecmb INTERFACE QSP_HAVE_IPSECMB=1)
		target_include_directories(qsp_ipsecmb SYSTEM INTERFACE "${QSP_IPSECMB_INCLUDE}")
		target_link_libraries(qsp_ipsecmb INTERFACE "${QSP_IPSECMB_LIBRARY}")
		message(STATUS "intel-ipsec-mb: ${QSP_IPSECMB_LIBRARY}")
	endif()
endif()
