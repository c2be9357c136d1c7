# SPDX-License-Identifier: MIT
# What rove links: two libraries and threads. Each variable holds one link item that is also right
# on another machine, so the installed package can repeat it.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# The static archive first: it is whole everywhere, while Boost 1.87 and later hide the C names of
# fcontext in the shared library.
find_library(ROVE_BOOST_CONTEXT_ARCHIVE NAMES libboost_context.a)
find_library(ROVE_BOOST_CONTEXT_SHARED NAMES boost_context)
mark_as_advanced(ROVE_BOOST_CONTEXT_ARCHIVE ROVE_BOOST_CONTEXT_SHARED)
if(ROVE_BOOST_CONTEXT_ARCHIVE)
    set(ROVE_FCONTEXT_LIBRARY -l:libboost_context.a)
    get_filename_component(ROVE_FCONTEXT_DIR ${ROVE_BOOST_CONTEXT_ARCHIVE} DIRECTORY)
elseif(ROVE_BOOST_CONTEXT_SHARED)
    set(ROVE_FCONTEXT_LIBRARY -lboost_context)
    get_filename_component(ROVE_FCONTEXT_DIR ${ROVE_BOOST_CONTEXT_SHARED} DIRECTORY)
else()
    message(FATAL_ERROR "Boost.Context is missing (Debian: libboost-context-dev)")
endif()

find_path(ROVE_URING_INCLUDE liburing.h)
find_library(ROVE_URING_FILE NAMES uring)
mark_as_advanced(ROVE_URING_INCLUDE ROVE_URING_FILE)
if(NOT ROVE_URING_FILE OR NOT ROVE_URING_INCLUDE)
    message(FATAL_ERROR "liburing is missing (Debian: liburing-dev)")
endif()
set(ROVE_URING_LIBRARY -luring)
get_filename_component(ROVE_URING_DIR ${ROVE_URING_FILE} DIRECTORY)

# Where the linker would not look by itself.
foreach(dir IN ITEMS ${ROVE_FCONTEXT_DIR} ${ROVE_URING_DIR})
    if(NOT dir IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
        link_directories(${dir})
    endif()
endforeach()
