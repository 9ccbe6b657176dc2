# Writes a source file that holds the migrations of a folder as texts, so that the program needs no files at run time.
#
#   cmake -DFOLDER=folder-of-NNNN_name.sql -DOUTPUT=file.cc -P embed_migrations.cmake
cmake_minimum_required(VERSION 3.25)

file(GLOB files ${FOLDER}/*)
list(SORT files)
set(expected 1)
set(entries "")
foreach(file IN LISTS files)
  cmake_path(GET file FILENAME filename)
  if(NOT filename MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.sql$")
    message(FATAL_ERROR "${file}: a migration is called NNNN_name.sql")
  endif()
  set(name ${CMAKE_MATCH_2})
  string(REGEX REPLACE "^0+" "" version ${CMAKE_MATCH_1})
  if(NOT version STREQUAL expected)
    message(FATAL_ERROR "${file}: migrations are numbered from 0001 without gaps, and this is the number ${expected}")
  endif()
  math(EXPR expected "${expected} + 1")
  file(READ ${file} sql)
  if(sql MATCHES "\\)holdfast\"")
    message(FATAL_ERROR "${file}: )holdfast\" would end the text")
  endif()
  string(APPEND entries "      {.version = ${version}, .name = \"${name}\", .sql = R\"holdfast(${sql})holdfast\"},\n")
endforeach()

file(WRITE ${OUTPUT} "// Made of ${FOLDER} by cmake/embed_migrations.cmake.
#include <vector>

#include \"postgres/schema.h\"

namespace holdfast::postgres {

std::span<const Migration> migrations() {
  static const std::vector<Migration> kMigrations{
${entries}  };
  return kMigrations;
}

}  // namespace holdfast::postgres
")
