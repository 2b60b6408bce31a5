/* Frames on two pipes, as frames.R reads and writes them, in a tenth of its time; native.R calls it. */

#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <R.h>
#include <R_ext/Rdynload.h>
#include <Rinternals.h>

#define LENGTHS 12
#define MAX_HEADER ((uint64_t)1 << 20)
#define MAX_BODY ((uint64_t)1 << 34)
#define PIECE ((size_t)1 << 16)
#define LOOKED ((size_t)1 << 20) /* what is taken at most while it looks: a pipe holds no more */
#define CALL "{\"type\":\"call\",\"id\":"
#define WITH_JSON ",\"content_type\":\"application/json\"}"
#define DIGITS 15 /* of an id: a double holds every such number */

typedef struct {
  int source, sink;
  double looked;
  unsigned char *held; /* what was read: from `at` to `end` it is still to be taken */
  size_t at, end, room;
} Frames;

typedef struct {
  const unsigned char *header, *body;
  size_t header_size, body_size, size;
} Frame;

/* The parts of a frame in R. */
enum { AT_HEADER, AT_BODY, AT_PLAIN, AT_TEXT, AT_LATE, AT_RESULT, PARTS };

/* Names and values that never change. */
static SEXP of_frame, of_header, call, type, json, yes, no, apply, begun, withdrawn;

static void forget(SEXP pointer) {
  Frames *frames = R_ExternalPtrAddr(pointer);
  if (frames) free(frames->held);
  free(frames);
  R_ClearExternalPtr(pointer);
}

static SEXP frames_open(SEXP source, SEXP sink) {
  Frames *frames = calloc(1, sizeof *frames);
  if (!frames) Rf_error("no memory for frames");
  frames->source = Rf_asInteger(source);
  frames->sink = Rf_asInteger(sink);
  SEXP pointer = PROTECT(R_MakeExternalPtr(frames, R_NilValue, R_NilValue));
  R_RegisterCFinalizer(pointer, forget);
  UNPROTECT(1);
  return pointer;
}

static uint64_t number(const unsigned char *at, int size) {
  uint64_t found = 0;
  while (size--) found = found << 8 | at[size];
  return found;
}

/* Say where the parts of the frame at `at` are, when all of it is there. Its size is 0 when that is not known yet,
   and more than `left` when it is not whole. Return FALSE for what is no frame. */
static int find(const unsigned char *at, size_t left, Frame *frame) {
  frame->size = 0;
  if (left < LENGTHS) return 1;
  uint64_t header = number(at, 4), body = number(at + 4, 8);
  if (header > MAX_HEADER || body > MAX_BODY) return 0;
  frame->header = at + LENGTHS;
  frame->header_size = header;
  frame->body = frame->header + header;
  frame->body_size = body;
  frame->size = LENGTHS + header + body;
  return 1;
}

/* Read once, with a view to `wanted` bytes in all; FALSE at the end. */
static int fill(Frames *frames, size_t wanted) {
  size_t rest = frames->end - frames->at;
  size_t room = rest + PIECE;
  if (room < wanted) room = wanted < 2 * room ? wanted : 2 * room;
  if (rest && frames->at) memmove(frames->held, frames->held + frames->at, rest);
  frames->at = 0;
  frames->end = rest;
  if (room > frames->room) {
    unsigned char *held = realloc(frames->held, room);
    if (!held) Rf_error("no memory for a frame of %.0f bytes", (double)wanted);
    frames->held = held;
    frames->room = room;
  }
  ssize_t got;
  do got = read(frames->source, frames->held + rest, frames->room - rest);
  while (got < 0 && errno == EINTR);
  if (got > 0) frames->end += got;
  return got > 0;
}

static SEXP bytes(const unsigned char *at, size_t size) {
  SEXP found = Rf_allocVector(RAWSXP, size);
  if (size) memcpy(RAW(found), at, size);
  return found;
}

/* Return the id of a call with JSON, -1 where the header says anything else. */
static double id_of(const Frame *frame) {
  size_t around = strlen(CALL) + strlen(WITH_JSON), digits = frame->header_size - around;
  if (frame->header_size <= around || digits > DIGITS) return -1;
  const unsigned char *at = frame->header + strlen(CALL);
  if (memcmp(frame->header, CALL, strlen(CALL)) || memcmp(at + digits, WITH_JSON, strlen(WITH_JSON))) return -1;
  double id = 0;
  for (; digits--; at++) {
    if (*at < '0' || *at > '9') return -1;
    id = id * 10 + (*at - '0');
  }
  return id;
}

/* Return a body as text, NULL where it is not `short_text` of values.R without an exponent. */
static SEXP text_of(const Frame *frame, size_t shorter) {
  if (frame->body_size >= shorter) return R_NilValue;
  for (size_t at = 0; at < frame->body_size; at++) {
    unsigned char one = frame->body[at];
    if (one == 0 || one > 127 || one == '\v' || one == '\f' || one == 'e' || one == 'E') return R_NilValue;
  }
  return Rf_ScalarString(Rf_mkCharLenCE((const char *)frame->body, frame->body_size, CE_UTF8));
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Return the next frame; NULL at the end, an empty list for what is none. */
static SEXP frames_read(SEXP pointer, SEXP shorter, SEXP after) {
  Frames *frames = R_ExternalPtrAddr(pointer);
  Frame frame;
  for (;;) {
    size_t left = frames->end - frames->at;
    if (!find(frames->held + frames->at, left, &frame)) return Rf_allocVector(VECSXP, 0);
    if (frame.size && frame.size <= left) break;
    if (!fill(frames, frame.size)) return R_NilValue;
  }
  SEXP found = PROTECT(Rf_allocVector(VECSXP, PARTS));
  SET_VECTOR_ELT(found, AT_LATE, now() - frames->looked > Rf_asReal(after) ? yes : no);
  double id = id_of(&frame);
  if (id < 0) {
    SET_VECTOR_ELT(found, AT_HEADER, bytes(frame.header, frame.header_size));
  } else {
    SEXP header = Rf_allocVector(VECSXP, 3);
    SET_VECTOR_ELT(found, AT_HEADER, header);
    SET_VECTOR_ELT(header, 0, call);
    SET_VECTOR_ELT(header, 1, Rf_ScalarReal(id));
    SET_VECTOR_ELT(header, 2, json);
    Rf_setAttrib(header, R_NamesSymbol, of_header);
    SET_VECTOR_ELT(found, AT_PLAIN, yes);
    SET_VECTOR_ELT(found, AT_TEXT, text_of(&frame, Rf_asInteger(shorter)));
  }
  if (VECTOR_ELT(found, AT_TEXT) == R_NilValue) SET_VECTOR_ELT(found, AT_BODY, bytes(frame.body, frame.body_size));
  Rf_setAttrib(found, R_NamesSymbol, of_frame);
  frames->at += frame.size;
  if (frames->at == frames->end && frames->room > LOOKED) { /* a large body is not kept */
    free(frames->held);
    frames->held = NULL;
    frames->at = frames->end = frames->room = 0;
  }
  UNPROTECT(1);
  return found;
}

/* Take what the pipe holds, without waiting, and return the headers that have `words` in them. */
static SEXP frames_look(SEXP pointer, SEXP words) {
  Frames *frames = R_ExternalPtrAddr(pointer);
  struct pollfd source = {frames->source, POLLIN, 0};
  size_t most = frames->end - frames->at + LOOKED;
  const char *sought = CHAR(STRING_ELT(words, 0));
  Frame frame;
  frames->looked = now();
  while (frames->end - frames->at < most && poll(&source, 1, 0) > 0 && fill(frames, 0)) continue;
  SEXP found = R_NilValue;
  PROTECT_INDEX place;
  PROTECT_WITH_INDEX(found, &place);
  for (size_t at = frames->at; find(frames->held + at, frames->end - at, &frame); at += frame.size) {
    if (!frame.size || frame.size > frames->end - at) break;
    if (memmem(frame.header, frame.header_size, sought, strlen(sought)))
      REPROTECT(found = Rf_cons(bytes(frame.header, frame.header_size), found), place);
  }
  UNPROTECT(1);
  return found;
}

/* Write all of it; waits while the pipe is full. That the gateway is gone shows when it is read from. */
static void put(int sink, struct iovec *part, int parts) {
  while (parts) {
    ssize_t done = writev(sink, part, parts);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return;
    while (parts && (size_t)done >= part->iov_len) {
      done -= part->iov_len;
      part++;
      parts--;
    }
    if (parts) {
      part->iov_base = (char *)part->iov_base + done;
      part->iov_len -= done;
    }
  }
}

/* Write a frame whose body is text or bytes. */
static SEXP write_frame(SEXP pointer, const char *header, size_t size, SEXP body) {
  Frames *frames = R_ExternalPtrAddr(pointer);
  int is_text = TYPEOF(body) == STRSXP;
  const void *held = is_text ? (const void *)CHAR(STRING_ELT(body, 0)) : RAW(body);
  uint64_t body_size = is_text ? LENGTH(STRING_ELT(body, 0)) : XLENGTH(body);
  unsigned char lengths[LENGTHS];
  for (int at = 0; at < 4; at++) lengths[at] = size >> 8 * at;
  for (int at = 0; at < 8; at++) lengths[4 + at] = body_size >> 8 * at;
  struct iovec parts[] = {{lengths, LENGTHS}, {(void *)header, size}, {(void *)held, body_size}};
  put(frames->sink, parts, 3);
  return R_NilValue;
}

static SEXP frames_write(SEXP pointer, SEXP header, SEXP body) {
  const char *text = CHAR(STRING_ELT(header, 0));
  return write_frame(pointer, text, strlen(text), body);
}

static SEXP frames_answer(SEXP pointer, SEXP type, SEXP id, SEXP kind, SEXP body) {
  char text[256];
  int size = snprintf(text, sizeof text, "{\"type\":\"%s\",\"id\":%.0f,\"content_type\":\"%s\"}",
                      CHAR(STRING_ELT(type, 0)), Rf_asReal(id), CHAR(STRING_ELT(kind, 0)));
  return write_frame(pointer, text, size, body);
}

/* Return a whole number as JSON, NULL where the value is anything else. */
static SEXP whole_number(SEXP value) {
  if (TYPEOF(value) != REALSXP || XLENGTH(value) != 1 || ATTRIB(value) != R_NilValue) return R_NilValue;
  double one = REAL(value)[0];
  if (!(fabs(one) < 1e15) || one != trunc(one)) return R_NilValue;
  char text[32];
  snprintf(text, sizeof text, "%.0f", one);
  return Rf_mkString(text);
}

/* Read as frames_read, and answer short calls at once, by what R makes of them: `read` of the text, `apply` of that,
   and `printed` at the end. A result that is no whole number is left to R, in the frame. */
static SEXP frames_next(SEXP pointer, SEXP shorter, SEXP after, SEXP worker, SEXP author, SEXP read,
                        SEXP printed) {
  for (;;) {
    SEXP frame = PROTECT(frames_read(pointer, shorter, after));
    int simple = frame != R_NilValue && XLENGTH(frame) && VECTOR_ELT(frame, AT_TEXT) != R_NilValue &&
                 VECTOR_ELT(frame, AT_LATE) == no && Rf_eval(withdrawn, worker) == R_NilValue;
    if (!simple) {
      UNPROTECT(1);
      return frame;
    }
    SEXP header = VECTOR_ELT(frame, AT_HEADER);
    Rf_defineVar(begun, header, worker);
    SEXP reading = PROTECT(Rf_lang2(read, VECTOR_ELT(frame, AT_TEXT)));
    SEXP input = PROTECT(Rf_eval(reading, R_BaseEnv));
    SEXP applying = PROTECT(Rf_lang2(apply, input));
    SEXP result = PROTECT(Rf_eval(applying, author));
    SEXP body = PROTECT(whole_number(result));
    if (body == R_NilValue) {
      SET_VECTOR_ELT(frame, AT_RESULT, Rf_list1(result));
      UNPROTECT(6);
      return frame;
    }
    SEXP ending = PROTECT(Rf_lang2(printed, worker));
    Rf_eval(ending, R_BaseEnv);
    frames_answer(pointer, type, VECTOR_ELT(header, 1), json, body);
    Rf_defineVar(begun, R_NilValue, worker);
    UNPROTECT(7);
  }
}

static const R_CallMethodDef routines[] = {
  {"frames_open", (DL_FUNC)frames_open, 2},
  {"frames_read", (DL_FUNC)frames_read, 3},
  {"frames_look", (DL_FUNC)frames_look, 2},
  {"frames_write", (DL_FUNC)frames_write, 3},
  {"frames_answer", (DL_FUNC)frames_answer, 5},
  {"frames_next", (DL_FUNC)frames_next, 7},
  {NULL, NULL, 0},
};

static SEXP kept(SEXP value) {
  R_PreserveObject(value);
  return value;
}

static SEXP texts(int count, const char *text[]) {
  SEXP found = kept(Rf_allocVector(STRSXP, count));
  for (int at = 0; at < count; at++) SET_STRING_ELT(found, at, Rf_mkChar(text[at]));
  return found;
}

void R_init_frames(DllInfo *library) {
  R_registerRoutines(library, NULL, routines, NULL, NULL);
  R_useDynamicSymbols(library, FALSE);
  of_frame = texts(PARTS, (const char *[]){"header", "body", "plain", "text", "late", "result"});
  of_header = texts(3, (const char *[]){"type", "id", "content_type"});
  call = texts(1, (const char *[]){"call"});
  json = texts(1, (const char *[]){"application/json"});
  type = texts(1, (const char *[]){"result"});
  apply = Rf_install("apply");
  begun = Rf_install("header");
  withdrawn = Rf_install("withdrawn");
  yes = kept(Rf_ScalarLogical(1));
  no = kept(Rf_ScalarLogical(0));
}
