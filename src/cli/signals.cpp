#include "signals.h"

#include <unistd.h>

#include <csignal>

namespace concertina::cli {
namespace {

volatile std::sig_atomic_t g_signal = 0;
struct sigaction g_old_int, g_old_term;
stack_t g_old_stack;

// Handlers run on this stack: oneDNN's products for AVX2 and AVX-512, until they were mended in
// 2026, keep an address of the heap in the stack pointer, and what a signal puts there would
// destroy it. Larger than the registers of any processor.
alignas(64) char g_stack[1 << 16];

void handle(int signal) {
  if (g_signal != 0) _exit(128 + signal);
  g_signal = signal;
}

}  // namespace

SignalGuard::SignalGuard() {
  g_signal = 0;
  stack_t stack{};
  stack.ss_sp = g_stack;
  stack.ss_size = sizeof(g_stack);
  sigaltstack(&stack, &g_old_stack);
  struct sigaction action {};
  action.sa_handler = &handle;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigaction(SIGINT, &action, &g_old_int);
  sigaction(SIGTERM, &action, &g_old_term);
}

SignalGuard::~SignalGuard() {
  g_signal = 0;
  sigaction(SIGINT, &g_old_int, nullptr);
  sigaction(SIGTERM, &g_old_term, nullptr);
  sigaltstack(&g_old_stack, nullptr);
}

int SignalGuard::received() { return g_signal; }

}  // namespace concertina::cli
