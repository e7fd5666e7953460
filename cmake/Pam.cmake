# SPDX-License-Identifier: ISC
# Pluggable Authentication Modules, for qsshd-pam alone: used where they are installed (Debian package
# libpam0g-dev), or as QSP_PAM says.
set(QSP_PAM AUTO CACHE STRING "UsePAM in qsshd: AUTO (where PAM is installed), ON or OFF")
set_property(CACHE QSP_PAM PROPERTY STRINGS AUTO ON OFF)

set(QSP_PAM_LIBRARY "")
if(NOT QSP_PAM STREQUAL "OFF")
	find_path(QSP_PAM_INCLUDE security/pam_appl.h)
	find_library(QSP_PAM_FOUND pam)
	mark_as_advanced(QSP_PAM_INCLUDE QSP_PAM_FOUND)
	if(QSP_PAM_INCLUDE AND QSP_PAM_FOUND)
		set(QSP_PAM_LIBRARY "${QSP_PAM_FOUND}")
		add_compile_definitions(QSP_HAVE_PAM=1)
		message(STATUS "PAM: ${QSP_PAM_FOUND}")
	elseif(QSP_PAM STREQUAL "ON")
		message(FATAL_ERROR "QSP_PAM is ON and PAM is not there: install libpam0g-dev")
	endif()
endif()
