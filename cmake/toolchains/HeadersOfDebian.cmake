# For compilers that do not look into /usr/include, and must not: the C library's headers there are those of another
# processor. The header-only packages that lie beside them serve every processor. They are linked into a folder of the
# build, and FetchContent takes that folder for what it would have fetched. What is not installed is fetched as elsewhere.
get_property(trying GLOBAL PROPERTY IN_TRY_COMPILE)
if(NOT trying)
  set(headers "${CMAKE_BINARY_DIR}/headers_of_debian")
  foreach(package IN ITEMS xsimd:xsimd:include tl-expected:tl:include doctest:doctest:.)
    string(REPLACE ":" ";" package "${package}")
    list(GET package 0 name)
    list(GET package 1 folder)
    list(GET package 2 below) # where Dependencies.cmake looks in what it fetched
    string(TOUPPER "${name}" name)
    if(EXISTS "/usr/include/${folder}")
      file(MAKE_DIRECTORY "${headers}/${folder}/${below}")
      file(CREATE_LINK "/usr/include/${folder}" "${headers}/${folder}/${below}/${folder}" SYMBOLIC)
      set(FETCHCONTENT_SOURCE_DIR_${name} "${headers}/${folder}" CACHE PATH "Headers of the system's package")
    endif()
  endforeach()
endif()
