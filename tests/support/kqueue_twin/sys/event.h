// tests/support/kqueue_twin/sys/event.h - kqueue on Linux, for tests only: see kqueue_twin.cpp.
//
// The numbers are those of macOS. Nothing outside the tests may have this folder on its include
// path: a library built over the twin would be a toy.
#pragma once

#include <stdint.h>
#include <time.h>

struct kevent {
  uintptr_t ident;  // a descriptor, or any number for timers and user events
  int16_t filter;
  uint16_t flags;
  uint32_t fflags;
  intptr_t data;
  void* udata;
};

#define EV_SET(event, ident_, filter_, flags_, fflags_, data_, udata_) \
  do {                                                                 \
    struct kevent* const ev_set_to = (event);                          \
    ev_set_to->ident = (ident_);                                       \
    ev_set_to->filter = (filter_);                                     \
    ev_set_to->flags = (flags_);                                       \
    ev_set_to->fflags = (fflags_);                                     \
    ev_set_to->data = (data_);                                         \
    ev_set_to->udata = (udata_);                                       \
  } while (0)

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_TIMER (-7)
#define EVFILT_USER (-10)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_DISABLE 0x0008
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_DISPATCH 0x0080
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

#define NOTE_TRIGGER 0x01000000

// Units of a timer's data; milliseconds without one.
#define NOTE_SECONDS 0x00000001
#define NOTE_USECONDS 0x00000002
#define NOTE_NSECONDS 0x00000004

extern "C" int kqueue();
extern "C" int kevent(int queue, const struct kevent* changes, int changes_count,
                      struct kevent* events, int events_max, const struct timespec* timeout);
