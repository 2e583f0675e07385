# What shoal::shoal may not do to a program that links it.
foreach(property IN ITEMS INTERFACE_COMPILE_OPTIONS INTERFACE_LINK_OPTIONS INTERFACE_COMPILE_DEFINITIONS)
  get_target_property(value shoal::shoal ${property})
  if(value)
    message(FATAL_ERROR "shoal::shoal leaks ${property}: ${value}")
  endif()
endforeach()

# Nor may it look for what only its own programs need.
foreach(target IN ITEMS doctest::doctest benchmark::benchmark CLI11::CLI11 fmt::fmt)
  if(TARGET ${target})
    message(FATAL_ERROR "asking for shoal brought ${target}")
  endif()
endforeach()
if(TARGET Eigen3::Eigen AND NOT "eigen" IN_LIST COMPONENTS)
  message(FATAL_ERROR "asking for shoal::shoal brought Eigen")
endif()
