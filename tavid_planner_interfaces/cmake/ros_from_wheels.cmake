# For builds in which ROS 2 comes from Python wheels instead of an installed distribution.
# With an installed ROS 2 both parts find nothing to do.

# pip builds (scikit-build-core): the environment that holds the wheels is the ament prefix,
# but nothing has told CMake so.
if(DEFINED SKBUILD)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" -c
      "from pathlib import Path; import ament_index_python; print(Path(ament_index_python.__file__).parents[4].as_posix())"
    OUTPUT_VARIABLE wheels_prefix
    OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  list(PREPEND CMAKE_PREFIX_PATH "${wheels_prefix}")
  set(ENV{AMENT_PREFIX_PATH} "${wheels_prefix}")
endif()

# The targets exported by the wheels name the Python include folder of the machine that built
# them, and CMake refuses targets with include folders that do not exist. Deferred, because the
# targets appear only while interfaces are generated.
function(drop_missing_include_folders)
  get_property(targets DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT folders)
      continue()
    endif()
    set(present "")
    foreach(folder IN LISTS folders)
      # generator expressions are only known later and stay as they are
      if(folder MATCHES "^\\$<" OR EXISTS "${folder}")
        list(APPEND present "${folder}")
      endif()
    endforeach()
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${present}")
  endforeach()
endfunction()
cmake_language(DEFER CALL drop_missing_include_folders)
