// platform/windows/headers.hpp - the Windows headers in the one order that compiles.
//
// winsock2.h comes before windows.h (which would bring the old winsock.h), and afunix.h uses types
// of both. The groups are kept apart by blank lines so that no formatter sorts them together.
#pragma once

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif

#include <winsock2.h>

#include <ws2tcpip.h>

#include <windows.h>

#include <afunix.h>
#include <mswsock.h>
