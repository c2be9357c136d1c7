# SPDX-License-Identifier: MIT
# Tests: one cmocka program per source file, the checks of the house, the install proofs.

find_library(ROVE_CMOCKA_FILE NAMES cmocka)
mark_as_advanced(ROVE_CMOCKA_FILE)
if(NOT ROVE_CMOCKA_FILE)
    message(FATAL_ERROR "cmocka is missing (Debian: libcmocka-dev); or -DROVE_BUILD_TESTS=OFF")
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(ROVE_TEST_TIMEOUT 60 CACHE STRING "seconds a test may take; under sanitizers it is 300")
if(ROVE_SANITIZE)
    set(ROVE_TEST_TIMEOUT 300)
endif()
# tcache off: chunks parked there count as in use and would blur the leak check of the fixture.
set(ROVE_TEST_ENVIRONMENT
    GLIBC_TUNABLES=glibc.malloc.tcache_count=0
    ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0:strict_string_checks=1
    UBSAN_OPTIONS=print_stacktrace=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1)

add_library(rove_test_support STATIC ${ROVE_TEST_SUPPORT_SOURCES})
rove_compile_options(rove_test_support)
target_include_directories(rove_test_support PUBLIC
    ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/tests)
target_link_libraries(rove_test_support PUBLIC rove_static cmocka Threads::Threads)

# rove_add_test(core/list) builds tests/core/test_list.c as a program and registers it: once for
# core/, which knows no kernel, else once per back-end. Further arguments are more source files.
function(rove_add_test name)
    get_filename_component(layer ${name} DIRECTORY)
    get_filename_component(noun ${name} NAME)
    string(REPLACE "/" "_" target test_${name})
    add_executable(${target} tests/${layer}/test_${noun}.c ${ARGN})
    rove_compile_options(${target})
    target_link_libraries(${target} PRIVATE rove_test_support)
    if(layer STREQUAL "core" OR layer STREQUAL "model")
        set(backends any)
    else()
        set(backends uring epoll)
    endif()
    foreach(backend IN LISTS backends)
        set(test ${name})
        set(environment ${ROVE_TEST_ENVIRONMENT})
        if(NOT backend STREQUAL "any")
            set(test ${name}.${backend})
            list(APPEND environment ROVE_BACKEND=${backend})
        endif()
        add_test(NAME ${test} COMMAND ${target})
        set_tests_properties(${test} PROPERTIES LABELS "${layer};${backend}"
            TIMEOUT ${ROVE_TEST_TIMEOUT} ENVIRONMENT "${environment}")
        # Tasks once more on far more workers than CPUs: any of them may lose its CPU anywhere.
        if(layer STREQUAL "api" OR layer STREQUAL "sched")
            add_test(NAME ${test}.64 COMMAND ${target})
            set_tests_properties(${test}.64 PROPERTIES LABELS "${layer};${backend};wide"
                TIMEOUT ${ROVE_TEST_TIMEOUT} ENVIRONMENT "${environment};RV_TEST_WORKERS=64")
        endif()
    endforeach()
endfunction()

# rove_wrap(sched/pool f) has the library's calls of f go to __wrap_f in the test: to make it fail.
function(rove_wrap name)
    string(REPLACE "/" "_" target test_${name})
    foreach(function IN LISTS ARGN)
        target_link_options(${target} PRIVATE -Wl,--wrap=${function})
    endforeach()
endfunction()

# .. all allocations to those of tests/support/scarce.h, which the test includes.
function(rove_scarce name)
    rove_wrap(${name} malloc calloc realloc aligned_alloc)
endfunction()

# rove_add_check(name command...) registers a script; it runs once, without a back-end.
function(rove_add_check name)
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS check TIMEOUT 120)
endfunction()

# rove_add_sim_test(sim) builds tests/sim/test_sim.c on the simulation. One thread: nothing for TSan.
function(rove_add_sim_test name)
    if(ROVE_SANITIZE MATCHES "thread")
        return()
    endif()
    add_executable(test_sim_${name} tests/sim/test_${name}.c ${ARGN})
    rove_compile_options(test_sim_${name})
    target_include_directories(test_sim_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(test_sim_${name} PRIVATE rove_sim cmocka)
    add_test(NAME sim/${name} COMMAND test_sim_${name})
    set_tests_properties(sim/${name} PROPERTIES LABELS sim
        TIMEOUT ${ROVE_TEST_TIMEOUT} ENVIRONMENT "${ROVE_TEST_ENVIRONMENT}")
endfunction()

# rove_add_sim_part(ring_sim) is a test of the machine's own parts, which sees its structures.
function(rove_add_sim_part name)
    rove_add_sim_test(${name} tests/support/child.c)
    if(TARGET test_sim_${name})
        target_compile_definitions(test_sim_${name} PRIVATE
            RV_SIM RV_RUNQ_CAPACITY=8 RV_RUNQ_BATCH=2 # as the library (sim.cmake)
            $<$<NOT:$<BOOL:${ROVE_CHECKS}>>:RV_DEBUG=1>)
        target_include_directories(test_sim_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/tests)
    endif()
endfunction()

# rove_add_cores_test() is tests/sim/test_cores.c on the machine of many cores.
function(rove_add_cores_test)
    if(TARGET rove_cores)
        add_executable(test_sim_cores tests/sim/test_cores.c tools/cores/load.c)
        rove_compile_options(test_sim_cores)
        target_compile_definitions(test_sim_cores PRIVATE RV_SIM RV_CORES)
        target_include_directories(test_sim_cores PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
        target_link_libraries(test_sim_cores PRIVATE rove_cores cmocka)
        add_test(NAME sim/cores COMMAND test_sim_cores)
        set_tests_properties(sim/cores PROPERTIES LABELS sim TIMEOUT ${ROVE_TEST_TIMEOUT})
    endif()
endfunction()

# asyncio's twin: the same little programs on one simulated worker, with CPython's traces.
if(NOT ROVE_SANITIZE MATCHES "thread")
    add_executable(rove-twin tests/sim/twin.c)
    rove_compile_options(rove-twin)
    target_include_directories(rove-twin PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(rove-twin PRIVATE rove_sim)
    rove_add_check(sim/twin Python3::Interpreter tests/check_twin.py --twin $<TARGET_FILE:rove-twin>)
    set_tests_properties(sim/twin PROPERTIES LABELS sim)
endif()

# As many seeds of the load (tools/sim) as half a minute allows; more: rove-sim --seeds A..B.
function(rove_add_sim_seeds)
    if(NOT ROVE_SANITIZE MATCHES "thread")
        add_test(NAME sim/seeds COMMAND rove-sim --seeds 0..1000000 --seconds 30)
        set_tests_properties(sim/seeds PROPERTIES LABELS sim PROCESSORS 2 TIMEOUT 120
            ENVIRONMENT "${ROVE_TEST_ENVIRONMENT}")
    endif()
endfunction()

include(test_list)
# The checker sees plain memory through the compiler's hooks for races. Of clang's the memsets go to
# the C library instead, past the checker: it would take a cell that was made anew for the old one.
if(NOT ROVE_SANITIZE AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    include(models)
endif()

# Where io_uring is refused the runtime falls back to epoll by itself, with few descriptors too.
# All programs in all ways: scripts/refused.
add_executable(without_uring tests/support/without_uring.c)
rove_compile_options(without_uring)
function(rove_add_refused error)
    foreach(name IN LISTS ARGN)
        string(REPLACE "/" "_" target test_${name})
        add_test(NAME refused/${name}.${error}
            COMMAND without_uring ${error} 64 $<TARGET_FILE:${target}>)
        set_tests_properties(refused/${name}.${error} PROPERTIES LABELS "refused;epoll"
            TIMEOUT ${ROVE_TEST_TIMEOUT} ENVIRONMENT "${ROVE_TEST_ENVIRONMENT}"
            SKIP_RETURN_CODE 77)
    endforeach()
endfunction()
rove_add_refused(EPERM io/file io/op io/socket io/stream io/ends io/dial io/splice sched/mutex
    api/group api/interrupt)
rove_add_refused(ENOSYS io/file io/op io/socket io/stream io/poll io/signal sched/mutex
    api/group)
rove_add_refused(MEMLOCK io/file io/op io/socket io/stream io/calls sched/mutex)

# On an epoll that is as rude as it may be: late, interrupted, disordered, and for nothing.
function(rove_add_rude)
    foreach(name IN LISTS ARGN)
        string(REPLACE "/" "_" target rude_${name})
        get_filename_component(layer ${name} DIRECTORY)
        get_filename_component(noun ${name} NAME)
        add_executable(${target} tests/${layer}/test_${noun}.c tests/fault/rude_epoll.c)
        rove_compile_options(${target})
        target_link_libraries(${target} PRIVATE rove_test_support)
        add_test(NAME rude/${name} COMMAND ${target})
        set_tests_properties(rude/${name} PROPERTIES LABELS "rude;epoll"
            TIMEOUT ${ROVE_TEST_TIMEOUT} ENVIRONMENT "${ROVE_TEST_ENVIRONMENT};ROVE_BACKEND=epoll")
    endforeach()
endfunction()
rove_add_rude(io/op_storm io/stream io/socket io/poll io/unbroken)

# As many rounds as ctest has time for; more by hand: stress_wake 100000000.
set(ROVE_STRESS_ROUNDS 20000)
if(ROVE_SANITIZE)
    set(ROVE_STRESS_ROUNDS 2000)
endif()
add_executable(stress_wake tests/stress/wake.c)
rove_compile_options(stress_wake)
target_link_libraries(stress_wake PRIVATE rove_static Threads::Threads)
foreach(backend IN ITEMS uring epoll)
    add_test(NAME stress/wake.${backend} COMMAND stress_wake ${ROVE_STRESS_ROUNDS})
    set_tests_properties(stress/wake.${backend} PROPERTIES LABELS "stress;${backend};wide"
        TIMEOUT ${ROVE_TEST_TIMEOUT} ENVIRONMENT "${ROVE_TEST_ENVIRONMENT};ROVE_BACKEND=${backend}")
endforeach()

rove_add_check(check/style Python3::Interpreter tests/check_style.py
    --library $<TARGET_FILE:rove_shared>)
rove_add_check(check/style_itself Python3::Interpreter tests/check_style_itself.py)
if(NOT ROVE_SANITIZE) # which want more address space than the test leaves
    rove_add_check(check/doctor Python3::Interpreter tests/check_doctor.py
        --rove $<TARGET_FILE:rove_tool> --without-uring $<TARGET_FILE:without_uring>)
endif()
rove_add_check(check/readme Python3::Interpreter bench/readme --check)
rove_add_check(check/figures Python3::Interpreter tests/check_figures.py)
rove_add_check(check/headers Python3::Interpreter tests/check_headers.py)
rove_add_check(check/plants Python3::Interpreter tools/sim/plant.py --check)
rove_add_check(check/asyncio_map Python3::Interpreter tests/check_asyncio_map.py)
rove_add_check(check/misuse Python3::Interpreter tests/check_misuse.py)

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ROVE_SANITIZE)
    # The pages name tests that only this build has, as those of installed copies, and models.
    if(TARGET model)
        rove_add_check(check/hazards Python3::Interpreter tests/check_hazards.py
            --ctest ${CMAKE_CTEST_COMMAND} --build ${CMAKE_CURRENT_BINARY_DIR})
    endif()
    rove_add_check(check/hardening Python3::Interpreter tests/check_hardening.py
        --library $<TARGET_FILE:rove_shared> --program $<TARGET_FILE:rove_tool>)
    rove_add_check(check/no_cost Python3::Interpreter tests/check_no_cost.py
        --build ${CMAKE_CURRENT_BINARY_DIR})
    # Two seconds of what `tools/soak` does for ten minutes; the caches are full, so nothing grows.
    if(ROVE_BUILD_EXAMPLES)
        rove_add_check(check/soak Python3::Interpreter tools/soak --minutes 0.04
            --build ${CMAKE_CURRENT_BINARY_DIR})
    endif()
endif()

# Not linked with the library: it is loaded and unloaded. A sanitizer wants to be there first.
if(NOT ROVE_SANITIZE)
    add_executable(test_hazards_dlclose tests/hazards/test_dlclose.c)
    rove_compile_options(test_hazards_dlclose)
    target_compile_definitions(test_hazards_dlclose PRIVATE
        RV_TEST_LIBRARY="$<TARGET_FILE:rove_shared>")
    target_link_libraries(test_hazards_dlclose PRIVATE cmocka ${CMAKE_DL_LIBS})
    add_dependencies(test_hazards_dlclose rove_shared)
    rove_add_check(hazards/exceptions Python3::Interpreter tests/hazards/check_exceptions.py
        --library $<TARGET_FILE:rove_static>
        --libs "${ROVE_FCONTEXT_LIBRARY} ${ROVE_URING_LIBRARY} -pthread -ldl")
    set_tests_properties(hazards/exceptions PROPERTIES SKIP_RETURN_CODE 77 LABELS hazards)
    rove_add_check(check/guide Python3::Interpreter tests/check_guide.py
        --cc ${CMAKE_C_COMPILER} --library $<TARGET_FILE:rove_static>
        --libs "${ROVE_FCONTEXT_LIBRARY} ${ROVE_URING_LIBRARY} -pthread -ldl")
    set_tests_properties(check/guide PROPERTIES TIMEOUT 300)
    add_test(NAME hazards/dlclose COMMAND test_hazards_dlclose)
    set_tests_properties(hazards/dlclose PROPERTIES LABELS hazards TIMEOUT 60)
endif()

# Installed into a scratch prefix, then used from outside by both roads, static and shared.
if(NOT ROVE_SANITIZE)
    foreach(road IN ITEMS cmake pkgconfig)
        foreach(kind IN ITEMS static shared)
            rove_add_check(install/${road}_${kind} Python3::Interpreter tests/check_install.py
                --build ${CMAKE_CURRENT_BINARY_DIR} --cc ${CMAKE_C_COMPILER}
                --cmake ${CMAKE_COMMAND} --road ${road} --kind ${kind})
        endforeach()
    endforeach()
endif()
