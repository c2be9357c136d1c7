# SPDX-License-Identifier: MIT
# rove_sim: the library's sources on simulated threads, clock and kernel (core/sim.h). A library of
# its own, with assertions, for tests: include/rove/sim.h.

# These the simulation replaces by twins of its own.
set(ROVE_SIM_REPLACED core/os.c core/os_cpu.c core/os_process.c io/kick.c io/ring.c)
# These keep the C library's names in spite of io/sim_names.h: they talk to the real machine.
set(ROVE_SIM_REAL_SOURCES
    core/check.c core/os_process_sim.c core/sim.c core/sim_memory.c io/sim_call.c sched/overflow.c)
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
        "SHELL:-include ${CMAKE_CURRENT_SOURCE_DIR}/io/sim_names.h")
    foreach(target IN ITEMS ${name} ${name}_real)
        rove_compile_options(${target})
        target_compile_definitions(${target} PRIVATE RV_SIM ${ARGN}
            RV_RUNQ_CAPACITY=8 RV_RUNQ_BATCH=2 # small: full and empty at every step
            $<$<NOT:$<BOOL:${ROVE_CHECKS}>>:RV_DEBUG=1>)
        target_compile_options(${target} PRIVATE -fPIE)
        target_include_directories(${target} PUBLIC
            $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
            PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    endforeach()
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
        tools/sim/load_sync.c)
    rove_compile_options(${name})
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${library})
endfunction()

if(ROVE_BUILD_TESTS)
    rove_add_sim_tool(rove-sim rove_sim)
endif()
