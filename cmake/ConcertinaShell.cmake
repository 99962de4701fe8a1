# The manual page and the completion for bash and zsh, which the built program prints itself.

if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  message(STATUS "Cross-compiling: no manual page and no completion, the program cannot run here")
  return()
endif()

# concertina_printed(FILE ARGUMENT...): what the program prints for these arguments.
function(concertina_printed file)
  add_custom_command(OUTPUT "${PROJECT_BINARY_DIR}/${file}"
    COMMAND "${CMAKE_COMMAND}" -E env "CONCERTINA_SCHEDULES=${PROJECT_SOURCE_DIR}/schedules"
      $<TARGET_FILE:concertina> ${ARGN} > "${PROJECT_BINARY_DIR}/${file}"
    DEPENDS concertina "${PROJECT_SOURCE_DIR}/schedules" VERBATIM)
endfunction()

set(concertina_shell_files
  "${PROJECT_BINARY_DIR}/concertina.1"
  "${PROJECT_BINARY_DIR}/concertina.bash"
  "${PROJECT_BINARY_DIR}/_concertina")
concertina_printed(concertina.1 man)
concertina_printed(concertina.bash completion bash)
concertina_printed(_concertina completion zsh)
add_custom_target(concertina_shell ALL DEPENDS ${concertina_shell_files})

install(FILES "${PROJECT_BINARY_DIR}/concertina.1"
  DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT program)
install(FILES "${PROJECT_BINARY_DIR}/concertina.bash" RENAME concertina
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" COMPONENT program)
# Debian's zsh does not look into site-functions below /usr.
install(FILES "${PROJECT_BINARY_DIR}/_concertina"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" COMPONENT zsh)
install(FILES "${PROJECT_BINARY_DIR}/_concertina"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions" COMPONENT debian EXCLUDE_FROM_ALL)
