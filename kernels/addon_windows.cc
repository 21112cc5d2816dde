// Windows only: Node-API symbols come from the process itself, which is node.exe in a terminal but Code.exe in VS Code.
#if defined(_MSC_VER)

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <delayimp.h>
#include <string.h>

static FARPROC WINAPI resolve_to_process(unsigned event, DelayLoadInfo* info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) {
    return nullptr;
  }
  return reinterpret_cast<FARPROC>(GetModuleHandleW(nullptr));
}

extern "C" const PfnDliHook __pfnDliNotifyHook2 = resolve_to_process;

#endif
