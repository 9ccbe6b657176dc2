# How every part of the project is built: one library a folder, its tests beside the code.

add_library(holdfast_flags INTERFACE)
target_compile_options(holdfast_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                                                -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlaps in std::string (GCC bug 105651) and unset members in std::variant (105562) where none can be.
  target_compile_options(holdfast_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(NOT HOLDFAST_SANITIZE)
  # Sanitizers change what the compiler sees, and make it warn wrongly; the plain builds hold the line.
  target_compile_options(holdfast_flags INTERFACE -Werror)
endif()
if(HOLDFAST_SANITIZE)
  target_compile_options(holdfast_flags INTERFACE -fsanitize=${HOLDFAST_SANITIZE} -fno-omit-frame-pointer
                                                  -fno-sanitize-recover=all)
  target_link_options(holdfast_flags INTERFACE -fsanitize=${HOLDFAST_SANITIZE})
endif()
if(HOLDFAST_FUZZ)
  target_compile_options(holdfast_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# holdfast_layer(NAME layers and libraries it uses… [TESTS_TOGETHER]): the library holdfast_NAME from the folder's
# sources, and the test program NAME_test from its *_test.cc.
function(holdfast_layer name)
  cmake_parse_arguments(L "TESTS_TOGETHER" "" "" ${ARGN})
  set(together "")
  if(L_TESTS_TOGETHER)
    set(together TOGETHER)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    file(TOUCH ${CMAKE_CURRENT_BINARY_DIR}/empty.cc)
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cc)
  endif()
  add_library(holdfast_${name} STATIC ${sources})
  target_include_directories(holdfast_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                     $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                                              PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(holdfast_${name} PUBLIC ${L_UNPARSED_ARGUMENTS} PRIVATE $<BUILD_INTERFACE:holdfast_flags>)
  set_target_properties(holdfast_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  if(HOLDFAST_TESTS AND tests)
    holdfast_test(${name}_test ${together} SOURCES ${tests} LIBRARIES holdfast_${name})
  endif()
endfunction()

# holdfast_test(NAME SOURCES … LIBRARIES … [TIMEOUT seconds] [LABELS …] [TOGETHER [ARGUMENTS …]]): a GoogleTest program,
# each test known to ctest; TOGETHER: only the whole program is, because its tests share what is slow to start.
function(holdfast_test name)
  cmake_parse_arguments(T "TOGETHER" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;ARGUMENTS" ${ARGN})
  if(NOT T_TIMEOUT AND T_TOGETHER)
    set(T_TIMEOUT 300)
  elseif(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  if(T_SOURCES MATCHES "postgres_server\\.cc")
    list(APPEND T_LABELS postgres)  # `./test full` runs these on a newer PostgreSQL too
  endif()
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE HOLDFAST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${T_LIBRARIES} holdfast_flags rapidcheck GTest::gtest GTest::gtest_main)
  if(T_TOGETHER)
    add_test(NAME ${name} COMMAND ${name} ${T_ARGUMENTS})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${T_LABELS}")
  else()
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${T_LABELS}")
  endif()
endfunction()
