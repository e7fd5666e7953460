# SPDX-License-Identifier: ISC
# Compiler and linker flags for everything that is compiled here.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wvla -Wcast-qual -fno-common)
if(QSP_WERROR OR "$ENV{CI}" STREQUAL "true")
	add_compile_options(-Werror)
endif()

# A private OpenSSL stands in DT_RPATH, not DT_RUNPATH: so libraries that we load resolve to the
# same libcrypto.
add_link_options(-Wl,--disable-new-dtags -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

macro(qsp_flag_if_known var flag)
	check_c_compiler_flag(${flag} ${var})
	if(${var})
		add_compile_options(${flag})
	endif()
endmacro()

if(QSP_HARDEN)
	add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
	qsp_flag_if_known(HAVE_CF_PROTECTION -fcf-protection)
	qsp_flag_if_known(HAVE_STACK_CLASH -fstack-clash-protection)
	qsp_flag_if_known(HAVE_AUTO_VAR_INIT -ftrivial-auto-var-init=zero)
endif()

if(QSP_SANITIZE)
	add_compile_options(-fsanitize=${QSP_SANITIZE} -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	add_link_options(-fsanitize=${QSP_SANITIZE})
endif()
if(QSP_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(QSP_COVERAGE)
	add_compile_options(--coverage -O0)
	add_link_options(--coverage)
endif()
if(QSP_ANALYZE)
	# Use after free, double close, NULL. Off: gcc 12 does not see that a loop fills an array, nor
	# what a struct of the caller's owns; clang's analyzer, LeakSanitizer and valgrind look for both.
	add_compile_options(-fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-malloc-leak
		-fdiagnostics-path-format=separate-events)
endif()
