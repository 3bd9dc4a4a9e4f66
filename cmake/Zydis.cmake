# SPDX-License-Identifier: MIT
#
# tulou_zydis: the decoder of Zydis, built without libc from source that is not in this tree. It comes from, in this order:
#
#   TULOU_ZYDIS=DIRECTORY   with the source of Zydis (include/, src/); in it, or installed, the headers of Zycore
#   tools/fetch-zydis       Debian's source package, through apt-get, into build/zydis
#
# TULOU_ZYDIS=OFF, or when neither is to be had: no target. Tulou then works, but every memory call is trapped.
set(TULOU_ZYDIS "" CACHE STRING "directory of Zydis' source; OFF: build without it; empty: get Debian's source package")

set(source "${TULOU_ZYDIS}")
if("${source}" STREQUAL "" AND NOT TULOU_FUZZ)
	set(source ${PROJECT_SOURCE_DIR}/build/zydis)
	if(NOT EXISTS ${source}/src/Decoder.c)
		execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tools/fetch-zydis ${source} RESULT_VARIABLE status)
	endif()
endif()
find_path(TULOU_ZYCORE Zycore/Types.h HINTS ${source}/zycore/include ${source}/dependencies/zycore/include)

if(NOT EXISTS "${source}/src/Decoder.c" OR NOT TULOU_ZYCORE)
	if(NOT TULOU_FUZZ)
		message(WARNING "Zydis' source is not there: call sites will not be patched, and memory calls are slower. "
			"tools/fetch-zydis gets Debian's package; -DTULOU_ZYDIS=DIRECTORY names another place, OFF wants none.")
	endif()
	return()
endif()

add_library(tulou_zydis STATIC ${source}/src/Decoder.c ${source}/src/DecoderData.c ${source}/src/SharedData.c ${source}/src/Register.c)
target_include_directories(tulou_zydis SYSTEM PUBLIC ${source}/include ${TULOU_ZYCORE})
target_include_directories(tulou_zydis PRIVATE ${source}/src)
target_compile_definitions(tulou_zydis PUBLIC ZYDIS_STATIC_BUILD ZYCORE_STATIC_BUILD ZYDIS_DISABLE_FORMATTER ZYDIS_DISABLE_ENCODER)
# Of libc it only wants memcpy and memset, which base/mem.c has; its own ones, that ZYAN_NO_LIBC would give it, take two thirds of
# the decoder's time.
target_compile_definitions(tulou_zydis INTERFACE ZYAN_NO_LIBC PRIVATE NDEBUG)
# As the runtime: no libc, no vector registers, position-independent.
target_compile_options(tulou_zydis PRIVATE -std=gnu11 -O2 -w -ffreestanding -fPIE -mgeneral-regs-only -fno-stack-protector
	-fcf-protection=none -fno-asynchronous-unwind-tables -fvisibility=hidden -ffunction-sections -fdata-sections)
