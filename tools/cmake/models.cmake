# SPDX-License-Identifier: MIT
# The model checker (tests/model): the library's own sources, compiled with RV_MODEL.

# Every source that a model compiles, with the hooks of -fsanitize=thread but not its runtime.
set(ROVE_MODEL_LIBRARY_SOURCES
    core/atomic.c
    core/backlog.c
    core/bias.c
    core/clock.c
    core/deque.c
    core/error.c
    core/heap.c
    core/home.c
    core/inbox.c
    core/lock.c
    core/park.c
    core/runq.c
    core/stack_slab.c
    core/walk.c
    io/guard.c
    io/op.c
    io/uring.c
    sched/active.c
    sched/as_completed.c
    sched/barrier.c
    sched/broadcast.c
    sched/call.c
    sched/callback.c
    sched/cancel.c
    sched/chan.c
    sched/cond.c
    sched/event.c
    sched/future.c
    sched/gather.c
    sched/gather_future.c
    sched/group.c
    sched/group_errors.c
    sched/idle.c
    sched/interrupt.c
    sched/items.c
    sched/join.c
    sched/latest.c
    sched/local.c
    sched/many.c
    sched/mutex.c
    sched/notify.c
    sched/once.c
    sched/oneshot.c
    sched/job.c
    sched/pool.c
    sched/queue.c
    sched/ready.c
    sched/runtime.c
    sched/runtime_tools.c
    sched/rwlock.c
    sched/select.c
    sched/semaphore.c
    sched/shield.c
    sched/state.c
    sched/steal.c
    sched/suspend.c
    sched/task.c
    sched/timeout.c
    sched/timer.c
    sched/wait.c
    sched/waitq.c
    sched/watch.c
)
set(ROVE_MODEL_SOURCES
    tests/model/double.c
    tests/model/models_active.c
    tests/model/models_chan.c
    tests/model/models_checker.c
    tests/model/models_core.c
    tests/model/models_deque.c
    tests/model/models_event.c
    tests/model/models_future.c
    tests/model/models_idle.c
    tests/model/models_interrupt.c
    tests/model/models_many.c
    tests/model/models_outer.c
    tests/model/models_pool.c
    tests/model/models_queue.c
    tests/model/models_runq.c
    tests/model/models_runtime.c
    tests/model/models_stack.c
    tests/model/models_state.c
    tests/model/models_sync.c
    tests/model/models_watch.c
    tests/model/small.c
)
# The pool of blocks itself, in small, beside its double in double.c.
set(ROVE_MODEL_BLOCK_SOURCES core/block.c tests/model/models_block.c)
# The groups are read from the tables of models, so that none is forgotten.
set(ROVE_MODEL_GROUPS)
foreach(source IN LISTS ROVE_MODEL_SOURCES ROVE_MODEL_BLOCK_SOURCES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(STRINGS ${source} rows REGEX "^    {\"[a-z_]+/")
    foreach(row IN LISTS rows)
        string(REGEX REPLACE "^    {\"([a-z_]+)/.*" "\\1" group "${row}")
        list(APPEND ROVE_MODEL_GROUPS ${group})
    endforeach()
endforeach()
list(REMOVE_DUPLICATES ROVE_MODEL_GROUPS)

set(ROVE_MODEL_CHECKER_SOURCES
    core/context.c
    tests/model/ahead.c
    tests/model/engine.c
    tests/model/explore.c
    tests/model/main.c
    tests/model/memory.c
    tests/model/shadow.c
    tests/model/trace.c
)

add_library(rove_model_checker OBJECT ${ROVE_MODEL_CHECKER_SOURCES})
add_library(rove_model_kernel OBJECT tests/model/os.c)
add_library(rove_model_library OBJECT ${ROVE_MODEL_LIBRARY_SOURCES} ${ROVE_MODEL_SOURCES})
target_compile_options(rove_model_checker PRIVATE -O3)
target_compile_definitions(rove_model_kernel PRIVATE RV_MODEL)
add_library(rove_model_block OBJECT ${ROVE_MODEL_BLOCK_SOURCES})
foreach(target IN ITEMS rove_model_library rove_model_block)
    target_compile_definitions(${target} PRIVATE RV_MODEL RV_DEBUG=1
        RV_MODEL_TASKS RV_RUNQ_CAPACITY=4 RV_RUNQ_BATCH=3 RV_BIAS_HELPER_SPINS=2u
        RV_MUTEX_SPIN=1 RV_MUTEX_YIELDS=1 RV_RUNTIME_PATIENCE_NS=INT64_C\(100000000\)
        RV_STACK_SLABS_MAX=4u rv_context_make=rv_double_context_make
        rv_context_exit_switch=rv_double_context_exit rv_context_fini=rv_double_context_fini
        malloc=rv_model_malloc calloc=rv_model_calloc realloc=rv_model_realloc
        aligned_alloc=rv_model_aligned_alloc free=rv_model_free)
    target_compile_options(${target} PRIVATE -fsanitize=thread -Wno-ignored-qualifiers -Wno-unused-value
        -ffunction-sections -fdata-sections) # what no model reaches is not linked, nor what that needs
endforeach()
foreach(verb IN ITEMS pool_create pool_release pool_for_each cache_init cache_refill cache_spill
        alloc_remote free_remote)
    target_compile_definitions(rove_model_block PRIVATE rv_block_${verb}=rv_whole_block_${verb})
endforeach()
target_compile_definitions(rove_model_block PRIVATE RV_BLOCK_CHUNK=\(\(size_t\)4096\)
    RV_BLOCK_SLABS_MAX=4u)

add_executable(model $<TARGET_OBJECTS:rove_model_checker> $<TARGET_OBJECTS:rove_model_kernel>
    $<TARGET_OBJECTS:rove_model_library> $<TARGET_OBJECTS:rove_model_block>)
target_link_libraries(model PRIVATE ${ROVE_FCONTEXT_LIBRARY})
target_link_options(model PRIVATE -no-pie -Wl,--gc-sections)
foreach(target IN ITEMS rove_model_checker rove_model_kernel rove_model_library rove_model_block)
    rove_compile_options(${target})
    target_compile_options(${target} PRIVATE -fno-pie)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
        ${CMAKE_CURRENT_SOURCE_DIR}/include ${CMAKE_CURRENT_SOURCE_DIR}/tests/model)
endforeach()

# The short mode: what can be counted out quickly is, of the rest a part, and as many drawn.
foreach(group IN LISTS ROVE_MODEL_GROUPS)
    add_test(NAME model/${group} COMMAND model --executions 10000 ${group})
    set_tests_properties(model/${group} PROPERTIES LABELS model TIMEOUT 120)
endforeach()

# A second opinion where there is relacy (Debian: relacy-dev), which wants C++.
find_path(ROVE_RELACY_INCLUDE relacy/relacy.hpp)
if(ROVE_RELACY_INCLUDE)
    include(CheckLanguage)
    check_language(CXX)
endif()
if(ROVE_RELACY_INCLUDE AND CMAKE_CXX_COMPILER)
    enable_language(CXX)
    foreach(what IN ITEMS deque idle)
        add_executable(relacy_${what} tests/model/relacy_${what}.cpp)
        target_include_directories(relacy_${what} SYSTEM PRIVATE ${ROVE_RELACY_INCLUDE})
        set_target_properties(relacy_${what} PROPERTIES CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON)
        target_compile_options(relacy_${what} PRIVATE -O1)
        add_test(NAME model/relacy_${what} COMMAND relacy_${what})
        set_tests_properties(model/relacy_${what} PROPERTIES LABELS model TIMEOUT 120)
    endforeach()
endif()
