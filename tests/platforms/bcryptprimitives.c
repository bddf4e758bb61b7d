/* The one function of bcryptprimitives.dll that Rust's standard library asks for. Windows has it since 10, wine since 9: older ones are
   given this. */
#include <windows.h>

#define RtlGenRandom SystemFunction036
BOOLEAN NTAPI RtlGenRandom(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
    while (length > 0) {
        ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
        if (!RtlGenRandom(buffer, part)) return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
