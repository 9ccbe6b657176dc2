# Installs the build into a new prefix, then configures, builds and runs the example against that alone.
cmake_minimum_required(VERSION 3.25)

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} failed (${code}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect text part)
  string(FIND "${text}" "${part}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "\"${part}\" is not in:\n${text}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
run("cmake --install" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# Every public header is there, and stands alone, warnings as errors: nobody includes them in our order.
file(GLOB_RECURSE headers RELATIVE ${HEADERS} ${HEADERS}/*.h)
foreach(header ${headers})
  if(NOT EXISTS ${prefix}/include/${header})
    message(FATAL_ERROR "${header} is not installed")
  endif()
  file(WRITE ${WORK}/alone.cc "#include <${header}>\n")
  run("${header} on its own" ${CXX} -std=c++23 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I${prefix}/include
      ${WORK}/alone.cc)
endforeach()

# How we build ourselves is nobody else's matter.
file(GLOB_RECURSE exported ${prefix}/*.cmake)
foreach(file ${exported})
  file(READ ${file} text)
  if(text MATCHES "holdfast_flags|-Werror|${BUILD}|${HEADERS}")
    message(FATAL_ERROR "${file} has \"${CMAKE_MATCH_0}\" in it")
  endif()
endforeach()

run("configuring the example" ${CMAKE_COMMAND} -S ${EXAMPLE} -B ${WORK}/embed -G ${GENERATOR}
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
    "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror ${FLAGS}")
run("building the example" ${CMAKE_COMMAND} --build ${WORK}/embed)

set(split "released    9.99 EUR\ncommission  0.50\nprocessor   0.54\nshop        8.95\nuser:42 has 40.01 left\n")
run("the example" ${WORK}/embed/embed ${WORK}/ledger)
expect("${output}" "order:8812 is escrow 1\n${split}")
run("the example, again" ${WORK}/embed/embed ${WORK}/ledger)
expect("${output}" "order:8812 is escrow 1 (it was held before)\n${split}")

# The installed program reads what the example wrote.
run("holdfast verify" ${prefix}/bin/holdfast --ledger ${WORK}/ledger verify)
run("holdfast escrow" ${prefix}/bin/holdfast --ledger ${WORK}/ledger --json escrow order:8812)
expect("${output}" "\"status\":\"RELEASED\"")

file(REMOVE_RECURSE ${WORK})
