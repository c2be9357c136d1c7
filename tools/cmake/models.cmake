# SPDX-License-Identifier: MIT
# The model checker (tests/model): the library's own sources, compiled with RV_MODEL.

# Every source that a model compiles, with the hooks of -fsanitize=thread but not its runtime.
set(ROVE_MODEL_LIBRARY_SOURCES
    core/atomic.c
    core/backlog.c
    core/bias.c
    core/clock.c
    core/deque.c
    core/inbox.c
    core/lock.c
    core/park.c
    core/runq.c
)
set(ROVE_MODEL_SOURCES
    tests/model/models_core.c
    tests/model/models_deque.c
    tests/model/models_runq.c
)
set(ROVE_MODEL_GROUPS deque runq inbox park lock bias backlog)

set(ROVE_MODEL_CHECKER_SOURCES
    core/context.c
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
target_compile_definitions(rove_model_library PRIVATE RV_MODEL RV_DEBUG=1
    RV_RUNQ_CAPACITY=4 RV_RUNQ_BATCH=2 RV_BIAS_HELPER_SPINS=2u
    malloc=rv_model_malloc calloc=rv_model_calloc realloc=rv_model_realloc
    aligned_alloc=rv_model_aligned_alloc free=rv_model_free)
target_compile_options(rove_model_library PRIVATE -fsanitize=thread -Wno-ignored-qualifiers)

add_executable(model $<TARGET_OBJECTS:rove_model_checker> $<TARGET_OBJECTS:rove_model_kernel>
    $<TARGET_OBJECTS:rove_model_library>)
target_link_libraries(model PRIVATE ${ROVE_FCONTEXT_LIBRARY})
target_link_options(model PRIVATE -no-pie)
foreach(target IN ITEMS rove_model_checker rove_model_kernel rove_model_library)
    rove_compile_options(${target})
    target_compile_options(${target} PRIVATE -fno-pie)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
        ${CMAKE_CURRENT_SOURCE_DIR}/include ${CMAKE_CURRENT_SOURCE_DIR}/tests/model)
endforeach()

# The short mode: what can be counted out quickly is, of the rest a part, and as many drawn.
foreach(group IN LISTS ROVE_MODEL_GROUPS)
    add_test(NAME model/${group} COMMAND model --executions 20000 ${group})
    set_tests_properties(model/${group} PROPERTIES LABELS model TIMEOUT 120)
endforeach()
