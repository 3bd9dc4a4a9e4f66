# SPDX-License-Identifier: MIT
#
# The functions that the CMakeLists.txt of the directories call. File names are relative to the caller's directory.
#
#   tulou_core_sources(a.c b.c …)                add to tulou_core and tulou_core_test
#   tulou_core_freestanding_sources(mem.c …)     add to tulou_core only, compiled so that loops do not become calls of memset
#   tulou_freestanding_library(name a.c …)       a freestanding static library; nothing when there are no sources
#   tulou_hosted_library(name a.c …)             a hosted static library with the preset's sanitizers
#   tulou_library_pair(name a.c …)               both: name, and name_test from the same sources
#   tulou_executable_sources(a.c b.S …)          add to the executable `tulou`
#   tulou_unit_program(name a.c …)               a cmocka program on tulou_core_test, the hosts and tests/pool
#   tulou_unit_test(name a.c …)                  one, and a CTest test
#   tulou_script_test(name script [ARGS …])      a CTest test that runs a script with TULOU, TULOU_SOURCE, TULOU_BUILD set
#   tulou_fuzz_target(name a.c …)                a libFuzzer program (preset fuzz), and a test that runs it for 20 s

# ---- the core ----------------------------------------------------------------------------------------------------------
function(tulou_core_create)
	tulou_hosted_library(tulou_core_test ${ARGN})
	if(TULOU_FUZZ)
		return()
	endif()
	tulou_freestanding_library(tulou_core ${ARGN})

	# libtulou.a: the same objects and the flat host as one, with every name that is not tulou_* made local.
	set(merged ${PROJECT_BINARY_DIR}/tulou_merged.o)
	add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/libtulou.a
		COMMAND ${CMAKE_LINKER} -r -o ${merged} --whole-archive $<TARGET_FILE:tulou_core> $<TARGET_FILE:tulou_host_flat>
		COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=tulou_* ${merged}
		COMMAND ${CMAKE_COMMAND} -E rm -f ${PROJECT_BINARY_DIR}/libtulou.a
		COMMAND ${CMAKE_AR} rcs ${PROJECT_BINARY_DIR}/libtulou.a ${merged}
		DEPENDS tulou_core tulou_host_flat COMMENT "Merging libtulou.a" VERBATIM)
	add_custom_target(libtulou ALL DEPENDS ${PROJECT_BINARY_DIR}/libtulou.a)
endfunction()

function(tulou_core_sources)
	list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
	target_sources(tulou_core_test PRIVATE ${ARGN})
	if(TARGET tulou_core)
		target_sources(tulou_core PRIVATE ${ARGN})
	endif()
endfunction()

function(tulou_core_freestanding_sources)
	if(NOT TARGET tulou_core)
		return()
	endif()
	list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
	target_sources(tulou_core PRIVATE ${ARGN})
	set_source_files_properties(${ARGN} TARGET_DIRECTORY tulou_core
		PROPERTIES COMPILE_OPTIONS -fno-tree-loop-distribute-patterns)
endfunction()

# ---- libraries ---------------------------------------------------------------------------------------------------------
function(tulou_freestanding_library name)
	if(TULOU_FUZZ OR NOT ARGN)
		return()
	endif()
	add_library(${name} STATIC ${ARGN})
	target_link_libraries(${name} PRIVATE tulou_freestanding)
endfunction()

function(tulou_hosted_library name)
	if(NOT ARGN)
		return()
	endif()
	add_library(${name} STATIC ${ARGN})
	target_link_libraries(${name} PUBLIC tulou_hosted)
endfunction()

function(tulou_library_pair name)
	tulou_freestanding_library(${name} ${ARGN})
	tulou_hosted_library(${name}_test ${ARGN})
endfunction()

# ---- the executable ----------------------------------------------------------------------------------------------------
function(tulou_executable_sources)
	list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
	set_property(GLOBAL APPEND PROPERTY TULOU_EXECUTABLE_SOURCES ${ARGN})
endfunction()

# Called by the root when all directories have spoken. Position-independent code at a fixed address: no relocations, and "is
# this address ours" is one compare of the upper half.
function(tulou_executable_create)
	get_property(sources GLOBAL PROPERTY TULOU_EXECUTABLE_SOURCES)
	if(TULOU_FUZZ OR NOT sources)
		return()
	endif()
	add_executable(tulou ${sources})
	target_link_libraries(tulou PRIVATE tulou_freestanding)
	foreach(library tulou_elf tulou_code tulou_bpf tulou_host_linux tulou_core)
		if(TARGET ${library})
			target_link_libraries(tulou PRIVATE ${library})
		endif()
	endforeach()
	target_link_options(tulou PRIVATE
		-nostdlib -static -no-pie -Wl,-Ttext-segment=${TULOU_BASE} -Wl,-z,noexecstack -Wl,-z,separate-code
		-Wl,--build-id=none -Wl,--no-relax -Wl,--gc-sections -Wl,--fatal-warnings)
	set_target_properties(tulou PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()

# ThreadSanitizer wants its address space where it expects it: without randomisation, where that may be switched off.
set(TULOU_TEST_LAUNCHER)
if(TULOU_SANITIZE MATCHES thread)
	execute_process(COMMAND setarch -R true RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
	if(status EQUAL 0)
		set(TULOU_TEST_LAUNCHER setarch -R)
	endif()
endif()

# ---- tests -------------------------------------------------------------------------------------------------------------
function(tulou_unit_program name)
	add_executable(${name} ${ARGN})
	# The libraries need each other (hosts use base/format): let the linker go round.
	set(libraries tulou_core_test)
	foreach(library tulou_host_sim tulou_host_linux_test tulou_host_flat_test tulou_elf_test tulou_code_test tulou_bpf_test tulou_test_pool)
		if(TARGET ${library})
			list(APPEND libraries ${library})
		endif()
	endforeach()
	target_link_libraries(${name} PRIVATE tulou_hosted -Wl,--start-group ${libraries} -Wl,--end-group cmocka pthread)
	target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
endfunction()

function(tulou_unit_test name)
	if(TULOU_FUZZ OR NOT ARGN)
		return()
	endif()
	tulou_unit_program(${name} ${ARGN})
	# Under ThreadSanitizer only programs that have threads are worth their time.
	set(threads FALSE)
	foreach(source ${ARGN})
		cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
		file(STRINGS ${source} lines REGEX "pthread_create" LIMIT_COUNT 1)
		if(lines)
			set(threads TRUE)
		endif()
	endforeach()
	if(threads OR NOT TULOU_SANITIZE MATCHES thread)
		add_test(NAME ${name} COMMAND ${TULOU_TEST_LAUNCHER} $<TARGET_FILE:${name}>)
		set_tests_properties(${name} PROPERTIES TIMEOUT 900)
	endif()
endfunction()

function(tulou_script_test name script)
	if(TULOU_SANITIZE MATCHES thread)
		return() # the executable is never sanitized: nothing new to see
	endif()
	cmake_parse_arguments(PARSE_ARGV 2 test "" "" "ARGS")
	cmake_path(ABSOLUTE_PATH script BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
	add_test(NAME ${name} COMMAND ${script} ${test_ARGS})
	set_tests_properties(${name} PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77
		ENVIRONMENT "TULOU=${PROJECT_BINARY_DIR}/tulou;TULOU_SOURCE=${PROJECT_SOURCE_DIR};TULOU_BUILD=${PROJECT_BINARY_DIR}")
endfunction()

function(tulou_fuzz_target name)
	if(NOT TULOU_FUZZ OR NOT ARGN)
		return()
	endif()
	add_executable(${name} ${ARGN})
	set(libraries tulou_core_test)
	if(TARGET tulou_host_sim)
		list(APPEND libraries tulou_host_sim)
	endif()
	target_link_libraries(${name} PRIVATE tulou_hosted -Wl,--start-group ${libraries} -Wl,--end-group)
	target_link_options(${name} PRIVATE -fsanitize=fuzzer)
	add_test(NAME ${name} COMMAND ${name} -max_total_time=20 -seed=1)
	set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
