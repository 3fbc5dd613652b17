/* A plug-in without C++: plain.double, which doubles. -D makes it wrong in one way or another. */
#include <stdlib.h>
#include <string.h>

#include "leat/plugin.h"

#ifndef NAME
#define NAME "plain.double"
#endif
#ifndef DOC
#define DOC "Doubles every element."
#endif
#ifndef TYPE
#define TYPE "FP32[...]"
#endif
#ifndef SECOND
#define SECOND "more"
#endif
#ifndef ABI
#define ABI LEAT_PLUGIN_ABI
#endif
#ifndef COUNT
#define COUNT 1
#endif

#define TEXT(text) {text, sizeof(text) - 1}

#ifdef MISSING
extern int this_is_nowhere(void);
#endif

static int32_t make(const leat_op* op, const leat_setup* setup, void** made,
                    const leat_error* error) {
  (void)error;
  if (setup->inputs[0]) setup->narrow(setup->context, 0, setup->inputs[0]);
  *made = (void*)op;
  return 0;
}

static int32_t run(void* made, const leat_call* call, const leat_error* error) {
  const leat_tensor* x = &call->inputs[0];
  uint64_t i;
  (void)made;
#ifdef FAILS
  {
    static const leat_text why = TEXT("it is Monday");
    error->set(error->context, FAILS, why);
    return 1;
  }
#endif
#ifdef SILENT
  return 1;
#endif
  if (call->output(call->context, 0, x->dtype, x->rank, x->dims, error) != 0) return 1;
  for (i = 0; i < x->bytes / sizeof(float); ++i) {
    ((float*)call->outputs[0].data)[i] = 2 * ((const float*)x->data)[i];
  }
#ifdef MISSING
  return this_is_nowhere();
#endif
  return 0;
}

static void destroy(void* made) { (void)made; }

static const leat_port x = {sizeof x, 0, 0, 0, TEXT("x"), TEXT(TYPE), TEXT("values"), TEXT("")};
static const leat_port more = {sizeof more, 1, 0, 0, TEXT(SECOND), TEXT("FP32"), TEXT(""), TEXT("")};
static const leat_port y = {sizeof y, 0, 0, 0, TEXT("y"), TEXT("FP32[...]"), TEXT("twice"), TEXT("")};
static const leat_port* const inputs[] = {&x, &more};
static const leat_port* const outputs[] = {&y};
static const leat_op op = {.size = sizeof op,
                           .input_count = 2,
                           .output_count = 1,
                           .name = TEXT(NAME),
                           .doc = TEXT(DOC),
                           .inputs = inputs,
                           .outputs = outputs,
                           .make = make,
                           .run = run,
                           .destroy = destroy};
static const leat_op* const ops[] = {&op, &op};
static const leat_plugin plugin = {.abi = ABI,
                                   .size = sizeof plugin,
                                   .version = TEXT("0.1.0"),
                                   .revision = LEAT_PLUGIN_REVISION,
                                   .op_count = COUNT,
                                   .ops = ops};

const leat_plugin* leat_plugin_open(const leat_host* host, const leat_error* error) {
  (void)host;
#ifdef NOT_OPENED
  static const leat_text why = TEXT("no licence");
  error->set(error->context, 1, why);
  return NULL;
#endif
  (void)error;
  return &plugin;
}
