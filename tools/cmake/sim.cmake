# SPDX-License-Identifier: MIT
# rove_sim: the library's sources on simulated threads, clock and kernel (core/sim.h). A library of
# its own, with assertions, for tests: include/rove/sim.h.

# These the simulation replaces by twins of its own.
set(ROVE_SIM_REPLACED core/os.c core/os_cpu.c core/os_process.c io/kick.c io/ring.c)
# These keep the C library's names in spite of io/sim_names.h: they talk to the real machine.
set(ROVE_SIM_REAL_SOURCES
    core/check.c core/os_file.c core/os_process_sim.c core/sim.c core/sim_memory.c core/sim_tape.c
    io/sim_call.c sched/overflow.c)
set(ROVE_SIM_SOURCES ${ROVE_SOURCES}
    core/os_sim.c
    sched/sim_look.c
    io/kick_sim.c io/ring_sim.c io/sim.c io/sim_file.c io/sim_op.c)
list(REMOVE_ITEM ROVE_SIM_SOURCES ${ROVE_SIM_REPLACED} ${ROVE_SIM_REAL_SOURCES})

# rove_add_sim(name definition...) makes the library under a name, with more definitions.
function(rove_add_sim name)
    add_library(${name}_real OBJECT ${ROVE_SIM_REAL_SOURCES})
    add_library(${name} STATIC ${ROVE_SIM_SOURCES} $<TARGET_OBJECTS:${name}_real>)
    target_compile_options(${name} PRIVATE
        "SHELL:-include \"${CMAKE_CURRENT_SOURCE_DIR}/io/sim_names.h\"")
    foreach(target IN ITEMS ${name} ${name}_real)
        rove_compile_options(${target})
        target_compile_definitions(${target} PRIVATE RV_SIM ${ARGN}
            RV_RUNQ_CAPACITY=8 RV_RUNQ_BATCH=3 # small: full and empty at every step
            RV_FDTAB_CHUNKS=64 RV_FDTAB_NEAR=8 # small: zeroed for each seed, and far ones are met
            $<$<NOT:$<BOOL:${ROVE_CHECKS}>>:RV_DEBUG=1>)
        target_compile_options(${target} PRIVATE -fPIE)
        target_compile_definitions(${target} PRIVATE RV_BUFFER_BYTES=32 RV_BUFFER_COUNT=8)
        target_include_directories(${target} PUBLIC
            $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
            PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    endforeach()
    if(ROVE_SANITIZE MATCHES fuzzer) # a simulation compares too much for each to be a feature
        target_compile_options(${name} PRIVATE -fno-sanitize-coverage=trace-cmp,indirect-calls)
        target_compile_options(${name}_real PRIVATE
            -fno-sanitize-coverage=inline-8bit-counters,pc-table,trace-cmp,indirect-calls)
    endif()
    target_link_libraries(${name} PRIVATE
        ${ROVE_FCONTEXT_LIBRARY} ${ROVE_URING_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS})
    set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET hidden)
endfunction()

rove_add_sim(rove_sim)
set_target_properties(rove_sim PROPERTIES EXPORT_NAME sim)
add_library(rove::sim ALIAS rove_sim)

# rove_add_sim_tool(name library) is tools/sim on one such library.
function(rove_add_sim_tool name library)
    add_executable(${name} tools/sim/main.c tools/sim/load.c tools/sim/load_io.c
        tools/sim/load_others.c tools/sim/load_sync.c)
    rove_compile_options(${name})
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${library})
endfunction()

if(ROVE_BUILD_TESTS)
    rove_add_sim_tool(rove-sim rove_sim)
endif()

# rove_cores: the same on a machine of many cores whose time is what caches and kernel cost
# (core/cores.h). The compiler marks every access of the library for core/cores_hooks.c; what plays
# the machine and its kernel is not marked.
if(ROVE_BUILD_TESTS AND NOT ROVE_SANITIZE)
    set(ROVE_CORES_REAL_SOURCES ${ROVE_SIM_REAL_SOURCES}
        core/cores.c core/cores_hooks.c core/cores_lines.c core/symbol.c)
    list(REMOVE_ITEM ROVE_CORES_REAL_SOURCES core/sim.c)
    set(ROVE_CORES_KERNEL_SOURCES core/os_sim.c sched/sim_look.c
        io/kick_sim.c io/ring_sim.c io/sim.c io/sim_file.c io/sim_op.c)
    set(ROVE_CORES_SOURCES ${ROVE_SIM_SOURCES})
    list(REMOVE_ITEM ROVE_CORES_SOURCES ${ROVE_CORES_REAL_SOURCES} ${ROVE_CORES_KERNEL_SOURCES})
    add_library(rove_cores_real OBJECT ${ROVE_CORES_REAL_SOURCES})
    add_library(rove_cores_kernel OBJECT ${ROVE_CORES_KERNEL_SOURCES})
    add_library(rove_cores STATIC ${ROVE_CORES_SOURCES}
        $<TARGET_OBJECTS:rove_cores_real> $<TARGET_OBJECTS:rove_cores_kernel>)
    foreach(target IN ITEMS rove_cores rove_cores_kernel)
        target_compile_options(${target} PRIVATE
            "SHELL:-include \"${CMAKE_CURRENT_SOURCE_DIR}/io/sim_names.h\"")
    endforeach()
    foreach(target IN ITEMS rove_cores rove_cores_kernel rove_cores_real)
        rove_compile_options(${target})
        target_compile_definitions(${target} PRIVATE RV_SIM RV_CORES RV_SIM_THREADS=136)
        target_compile_options(${target} PRIVATE -fPIE)
        target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include
            PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    endforeach()
    # At compile time only: the hooks are ours, and so is what fences mean.
    target_compile_options(rove_cores PRIVATE -fsanitize=thread
        $<$<C_COMPILER_ID:GNU>:-Wno-tsan>)
    target_link_libraries(rove_cores PRIVATE
        ${ROVE_FCONTEXT_LIBRARY} ${ROVE_URING_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS})

    add_executable(rove-cores tools/cores/main.c tools/cores/load.c tools/cores/lines.c)
    rove_compile_options(rove-cores)
    target_compile_definitions(rove-cores PRIVATE RV_SIM RV_CORES)
    target_include_directories(rove-cores PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(rove-cores PRIVATE rove_cores)
    add_executable(rove-cores-probe tools/cores/probe.c)
    rove_compile_options(rove-cores-probe)
    target_link_libraries(rove-cores-probe PRIVATE Threads::Threads)
endif()
