# declared_embed(target file...) compiles files into a target as the array `<target>_files` of
# common/base/embedded.h, in the order given. Paths are relative to the calling CMakeLists.txt; the
# array knows each file by its last component. The target is rebuilt when a file changes.
#
# The same file is the script that writes the C source (cmake -P, with OUTPUT, SYMBOL and FILES set).

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(DECLARED_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE} CACHE INTERNAL "")

  function(declared_embed target)
    set(files)
    foreach(file IN LISTS ARGN)
      get_filename_component(path ${file} ABSOLUTE)
      list(APPEND files ${path})
    endforeach()
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${target}_files.c)
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DSYMBOL=${target}_files "-DFILES=${files}" -P ${DECLARED_EMBED_SCRIPT}
      DEPENDS ${files} ${DECLARED_EMBED_SCRIPT}
      COMMENT "Embedding files into ${target}"
      VERBATIM)
    target_sources(${target} PRIVATE ${output})
  endfunction()
  return()
endif()

set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR bytes "${digits} / 2")
  string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
  # An array cannot be empty; the 0 behind the last byte is not counted.
  string(APPEND arrays "static const unsigned char file_${number}[] = {${hex}0};\n")
  string(APPEND rows "    {\"${name}\", file_${number}, ${bytes}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"common/base/embedded.h\"\n\n${arrays}\nextern const EmbeddedFile ${SYMBOL}[];\nconst EmbeddedFile ${SYMBOL}[] = {\n${rows}    {0},\n};\n")
