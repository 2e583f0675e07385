# cmake -DPROGRAM=path "-DCOMMAND=compiler;flags;sources" -P compile_and_run.cmake
execute_process(COMMAND ${COMMAND} -o "${PROGRAM}" RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "does not compile")
endif()
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "compiles, and then ends with ${result}")
endif()
