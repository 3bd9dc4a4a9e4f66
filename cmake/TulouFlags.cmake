# SPDX-License-Identifier: MIT
#
# Flags as interface libraries: what every target has, what freestanding code has, what hosted code has.

# ---- all code --------------------------------------------------------------------------------------------------------
add_library(tulou_flags INTERFACE)
target_compile_options(tulou_flags INTERFACE
	-std=gnu11 -g -fno-common
	-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla -Wpointer-arith
	-Wwrite-strings -Wundef -Wimplicit-fallthrough -Wformat=2 -Wredundant-decls
	$<$<C_COMPILER_ID:GNU>:-Wcast-align;-Wlogical-op;-Wduplicated-cond;-Wduplicated-branches>)
target_compile_definitions(tulou_flags INTERFACE TULOU_CHECK_LEVEL_DEFAULT=${TULOU_CHECK_LEVEL})
target_include_directories(tulou_flags INTERFACE
	${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include ${PROJECT_SOURCE_DIR}/src)

# ---- freestanding: the core, the Linux host, the runtime ---------------------------------------------------------------
# No libc, no floating point or vector registers (handlers must not touch the guest's), no stack protector (it reads %fs,
# which is the guest's), always optimised, never sanitized.
add_library(tulou_freestanding INTERFACE)
target_link_libraries(tulou_freestanding INTERFACE tulou_flags)
target_compile_options(tulou_freestanding INTERFACE
	-ffreestanding -fPIE -O2 -mgeneral-regs-only -fno-stack-protector -fcf-protection=none
	-fno-asynchronous-unwind-tables -fvisibility=hidden -ffunction-sections -fdata-sections)
target_compile_definitions(tulou_freestanding INTERFACE TULOU_FREESTANDING=1)

# ---- hosted: tests, and the freestanding sources compiled for tests ----------------------------------------------------
add_library(tulou_hosted INTERFACE)
target_link_libraries(tulou_hosted INTERFACE tulou_flags)
target_compile_definitions(tulou_hosted INTERFACE _GNU_SOURCE)
if(TULOU_SANITIZE)
	target_compile_options(tulou_hosted INTERFACE
		-fsanitize=${TULOU_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(tulou_hosted INTERFACE -fsanitize=${TULOU_SANITIZE})
endif()
if(TULOU_FUZZ)
	target_compile_options(tulou_hosted INTERFACE -fsanitize=fuzzer-no-link)
endif()
