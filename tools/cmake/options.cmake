# SPDX-License-Identifier: MIT
# Build options and what they mean for the compiler.

get_property(is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT is_multi_config)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

option(ROVE_BUILD_TESTS "Build the tests (needs cmocka)" ${PROJECT_IS_TOP_LEVEL})
option(ROVE_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(ROVE_BUILD_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(ROVE_WERROR "Warnings are errors" ON)
option(ROVE_CHECKS "Internal assertions (RV_DEBUG=1); on in Debug and sanitizer builds" OFF)
set(ROVE_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=: address,undefined or thread")
set(ROVE_DEFINES "" CACHE STRING "More definitions, such as RV_STRESS_SWITCH=1")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The inline switch (core/context.h) pushes onto the stack of the function it is in.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    add_compile_options(-mno-red-zone)
endif()

set(ROVE_FRAME_LIMIT OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ROVE_SANITIZE)
    set(ROVE_FRAME_LIMIT ON)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR ROVE_SANITIZE)
    set(ROVE_CHECKS ON)
endif()

# Sanitizers must see every object of a program, examples and tests too.
if(ROVE_SANITIZE)
    add_compile_options(-fsanitize=${ROVE_SANITIZE} -fno-omit-frame-pointer
                        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${ROVE_SANITIZE})
    # gcc says that it cannot model fences under TSan; core/atomic.h has none in that build.
    if(ROVE_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-tsan)
    endif()
endif()

set(ROVE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
    -Wmissing-prototypes $<$<BOOL:${ROVE_WERROR}>:-Werror>)
# The hardening a distribution would choose; none of it is on the switch path.
set(ROVE_HARDENING -fstack-clash-protection -fstack-protector-strong
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)

# For the library, its tests and its examples alike.
function(rove_compile_options target)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE ${ROVE_DEFINES}
        $<$<BOOL:${ROVE_CHECKS}>:RV_DEBUG=1>)
    target_compile_options(${target} PRIVATE ${ROVE_WARNINGS})
    if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ROVE_SANITIZE)
        target_compile_options(${target} PRIVATE ${ROVE_HARDENING})
    endif()
endfunction()
