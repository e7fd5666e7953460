# SPDX-License-Identifier: ISC
# What the CMakeLists.txt of the folders are written in:
#
#   qsp_layer(base err.c bytes.c)                      a layer in src/
#   qsp_layer(sys loop.c net.c LIBS uv)                one that needs a system library
#   qsp_program(qssh qssh.c LIBS util)                 a program, in build/bin/
#   qsp_test(reader LABEL unit SOURCES reader_test.c)  a cmocka test: CTest's unit-reader
#   qsp_fuzz(msg fuzz_msg.c)                           a fuzz target: CTest's fuzz-msg
#   qsp_e2e(10-login.sh)                               a scenario: CTest's e2e-10-login
#
# LIBS qsp_libcrypto gives a test OpenSSL itself, with its headers: <openssl/...> without it may be
# an older one of the system. Tests run in the top folder of the source tree. Source lists are explicit.

set(QSP_CORE_LAYERS base crypto proto trust) # these make libqsp
set(QSP_OUTER_LAYERS "")                     # static libraries for the programs

# Flags of code that may ask the system.
function(qsp_target_outer target)
	target_include_directories(${target} PRIVATE
		"${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
	target_compile_definitions(${target} PRIVATE _GNU_SOURCE
		QSP_VERSION="${PROJECT_VERSION}"
		QSP_LIBEXECDIR="${CMAKE_INSTALL_FULL_LIBEXECDIR}/qsp")
endfunction()

function(qsp_add_folder folder)
	if(EXISTS "${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt")
		add_subdirectory("${PROJECT_SOURCE_DIR}/${folder}" "${PROJECT_BINARY_DIR}/obj/${folder}")
	endif()
endfunction()

# A layer that has no source yet is one empty object.
function(qsp_layer name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
	set(sources ${arg_UNPARSED_ARGUMENTS})
	if(NOT sources)
		set(sources "${PROJECT_BINARY_DIR}/empty_${name}.c")
		file(CONFIGURE OUTPUT "${sources}" CONTENT "typedef int qsp_empty_${name};\n")
	endif()
	if(name IN_LIST QSP_CORE_LAYERS)
		add_library(qsp_${name} OBJECT ${sources})
		target_include_directories(qsp_${name} PRIVATE
			"${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
		if(name STREQUAL "crypto")
			target_link_libraries(qsp_${name} PRIVATE qsp_libcrypto qsp_ipsecmb)
		endif()
	else()
		add_library(qsp_${name} STATIC ${sources})
		qsp_target_outer(qsp_${name})
		target_link_libraries(qsp_${name} PUBLIC ${arg_LIBS})
		set_property(GLOBAL APPEND PROPERTY QSP_OUTER qsp_${name})
	endif()
endfunction()

# libqsp.so exports what the public headers mark QSP_API; libqsp.a is for programs and tests,
# which may look inside. With it come the outer layers, as the target qsp_all.
function(qsp_library)
	foreach(layer ${QSP_CORE_LAYERS})
		if(TARGET qsp_${layer})
			list(APPEND objects "$<TARGET_OBJECTS:qsp_${layer}>")
		endif()
	endforeach()
	add_library(qsp_static STATIC ${objects})
	add_library(qsp_shared SHARED ${objects})
	set_target_properties(qsp_static qsp_shared PROPERTIES
		OUTPUT_NAME qsp LINKER_LANGUAGE C
		ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib"
		LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
	set_target_properties(qsp_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
	foreach(lib qsp_static qsp_shared)
		target_link_libraries(${lib} PRIVATE qsp_libcrypto qsp_ipsecmb)
	endforeach()
	if(QSP_OPENSSL_PREFIX)
		file(RELATIVE_PATH way "${CMAKE_INSTALL_FULL_LIBDIR}" "${QSP_PRIVATE_LIBDIR}")
		set(ways "$ORIGIN/qsp" "$ORIGIN/${way}")
		list(REMOVE_DUPLICATES ways)
		set_target_properties(qsp_shared PROPERTIES INSTALL_RPATH "${ways}")
	endif()
	if(NOT QSP_SANITIZE)
		target_link_options(qsp_shared PRIVATE -Wl,--no-undefined)
	endif()
	if(QSP_FUZZ)
		set_target_properties(qsp_shared PROPERTIES EXCLUDE_FROM_ALL ON)
	endif()

	# each layer after those that use it
	add_library(qsp_all INTERFACE)
	get_property(outer GLOBAL PROPERTY QSP_OUTER)
	list(REVERSE outer)
	target_link_libraries(qsp_all INTERFACE ${outer} qsp_static)
endfunction()

# qsp_program(NAME sources... [LIBS ...] [DEST bin|sbin|libexec])
# The defaults of DEST: NAME-helper of a daemon goes to libexec/qsp, a daemon to sbin.
function(qsp_program name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "DEST" "LIBS")
	add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
	qsp_target_outer(${name})
	target_link_libraries(${name} PRIVATE ${arg_LIBS} qsp_all)
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
	if(NOT arg_DEST)
		if(name MATCHES "^qsshd-")
			set(arg_DEST libexec)
		elseif(name MATCHES "^(qsshd|qstpd|qrds|qkme|qbridge|qrouter)$")
			set(arg_DEST sbin)
		else()
			set(arg_DEST bin)
		endif()
	endif()
	if(QSP_FUZZ)
		set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
	elseif(arg_DEST STREQUAL "libexec")
		if(QSP_OPENSSL_PREFIX)
			set_property(TARGET ${name} APPEND PROPERTY INSTALL_RPATH "$ORIGIN/../../lib/qsp")
		endif()
		install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_LIBEXECDIR}/qsp")
	elseif(arg_DEST STREQUAL "sbin")
		install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_SBINDIR}")
	else()
		install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
	endif()
endfunction()

# qsp_script(NAME): a program that is a shell script in the current folder
function(qsp_script name)
	configure_file(${name} "${PROJECT_BINARY_DIR}/bin/${name}" COPYONLY)
	install(PROGRAMS ${name} DESTINATION "${CMAKE_INSTALL_BINDIR}")
endfunction()

# qsp_test(NAME LABEL label... SOURCES ... [LIBS ...] [ARGS ...] [TIMEOUT s])
# CTest's name is <first label>-NAME, the target and the program are named the same.
function(qsp_test name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LABEL;SOURCES;LIBS;ARGS")
	if(NOT arg_LABEL OR NOT arg_SOURCES)
		message(FATAL_ERROR "qsp_test(${name}): LABEL and SOURCES are needed")
	endif()
	list(GET arg_LABEL 0 label)
	set(target ${label}-${name})
	add_executable(${target} ${arg_SOURCES})
	qsp_target_outer(${target})
	target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests"
		"${CMAKE_CURRENT_SOURCE_DIR}")
	target_link_libraries(${target} PRIVATE ${arg_LIBS} qsp_all cmocka)
	set_target_properties(${target} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
	if(QSP_FUZZ)
		set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
		return()
	endif()
	add_test(NAME ${target} COMMAND ${target} ${arg_ARGS} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 300)
	endif()
	set_tests_properties(${target} PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT})
endfunction()

# qsp_fuzz(NAME source... [LIBS ...])
# In the fuzz preset a libFuzzer program, build-fuzz/fuzz/NAME. In all others the same source
# replays tests/fuzz/corpus/NAME, and fails where that is empty.
function(qsp_fuzz name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
	set(target fuzz-${name})
	add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
	qsp_target_outer(${target})
	target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests"
		"${CMAKE_CURRENT_SOURCE_DIR}")
	target_link_libraries(${target} PRIVATE ${arg_LIBS} qsp_all)
	set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
		RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
	if(QSP_FUZZ)
		target_link_options(${target} PRIVATE -fsanitize=fuzzer)
		return()
	endif()
	target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c")
	add_test(NAME ${target} COMMAND ${target} "tests/fuzz/corpus/${name}"
		WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
	set_tests_properties(${target} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()

# qsp_e2e(NN-name.sh [slow]): exit 0 is a pass, 77 a skip. QSP_BIN is where the programs are,
# QSP_SRC the top of the source tree, QSP_OPENSSL_PREFIX that of a private OpenSSL.
# "slow" keeps it out of `make check`.
function(qsp_e2e script)
	if(QSP_FUZZ)
		return()
	endif()
	get_filename_component(name "${script}" NAME_WLE)
	add_test(NAME e2e-${name} COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/${script}"
		WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
	set_tests_properties(e2e-${name} PROPERTIES LABELS "e2e;${ARGN}" TIMEOUT 300
		SKIP_RETURN_CODE 77
		ENVIRONMENT "QSP_BIN=${PROJECT_BINARY_DIR}/bin;QSP_SRC=${PROJECT_SOURCE_DIR};QSP_OPENSSL_PREFIX=${QSP_OPENSSL_PREFIX}")
endfunction()
