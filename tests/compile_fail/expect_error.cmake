# cmake -DCASE=file.cpp "-DCOMMAND=compiler;flags" -P expect_error.cmake
file(STRINGS "${CASE}" expected REGEX "^// expect: ")
string(REGEX REPLACE "^// expect: " "" expected "${expected}")
if(NOT expected)
  message(FATAL_ERROR "${CASE} has no line `// expect: REGEX`")
endif()

execute_process(COMMAND ${COMMAND} RESULT_VARIABLE result ERROR_VARIABLE errors)
if(result EQUAL 0)
  message(FATAL_ERROR "compiles, and must not")
endif()
if(NOT errors MATCHES "${expected}")
  message(FATAL_ERROR "no error matches `${expected}`:\n${errors}")
endif()
