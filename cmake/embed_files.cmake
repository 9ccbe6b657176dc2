# Writes a source file that holds files as texts, so that the program needs none of them at run time.
#
#   cmake -DNAME=console_files -DFILES=path,path,… -DOUTPUT=file.cc -P embed_files.cmake
#
# It defines holdfast::server::NAME(), declared where it is used: every file with its name, in the order given.
cmake_minimum_required(VERSION 3.25)

string(REPLACE "," ";" files "${FILES}")
set(entries "")
foreach(path IN LISTS files)
  cmake_path(GET path FILENAME filename)
  file(READ "${path}" text)
  string(FIND "${text}" ")holdfast\"" end)
  if(NOT end EQUAL -1)
    message(FATAL_ERROR "${path}: )holdfast\" would end the text")
  endif()
  string(APPEND entries "      {\"${filename}\", R\"holdfast(${text})holdfast\"},\n")
endforeach()

file(WRITE "${OUTPUT}" "// Made by cmake/embed_files.cmake.
#include \"server/embedded_file.h\"

namespace holdfast::server {

std::span<const EmbeddedFile> ${NAME}();

std::span<const EmbeddedFile> ${NAME}() {
  static constexpr EmbeddedFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace holdfast::server
")
