/* What leat and a plug-in agree on: plain C, so that both may come from different compilers and
 * C++ libraries. Authors of operators write against leat/op.h and never see this; the library
 * leat_plugin, which a plug-in is linked with, and src/plugin/ in leat translate. See
 * docs/plugins.md.
 *
 * A plug-in exports one function, leat_plugin_open. Nothing is thrown through any function here,
 * and nobody frees what the other side has allocated, but for blocks, which are counted.
 *
 * Versions. LEAT_PLUGIN_ABI changes when anything below changes its meaning or its place; leat
 * refuses a plug-in of another one. What may change without that:
 *   - a structure that begins with `size` (its bytes, as its maker was compiled) grows at its end.
 *     It is handed over by pointer, and so are its arrays: as arrays of pointers. A reader looks
 *     only at what lies within `size`, and takes for 0 what does not;
 *   - `reserved` fields get a meaning, in which 0 is what was before. Whoever fills in a structure
 *     sets them to 0, and copies them where it hands on what it was given;
 *   - structures without `size` and `reserved` never change.
 * LEAT_PLUGIN_REVISION counts such additions. Each side tells the other its own, and withholds what
 * the other, not knowing an addition, would misunderstand.
 *
 * Texts are UTF-8 without a 0 at their end. What a pointer leads to is valid until the call
 * returns; of leat_host, leat_plugin and what hangs on it for as long as the process lives, since
 * a plug-in is never unloaded. Functions return 0 when all is well; otherwise they have called
 * leat_error.set once. Threads: leat_op.run is called from many threads at once, everything else
 * from one at a time. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LEAT_PLUGIN_ABI 1
#define LEAT_PLUGIN_REVISION 1

typedef struct leat_text {
  const char* data;
  uint64_t size;
} leat_text;

/* Where a failure is told. `code`: as leat::Code in leat/status.h, whose order never changes. */
typedef struct leat_error {
  void* context;
  void (*set)(void* context, int32_t code, leat_text message);
} leat_error;

/* A counted piece of memory, 64 bytes aligned on 64. Either side may count up and down, by atomic
 * operations alone; who takes the last reference away calls release(). */
typedef struct leat_block {
  uint32_t refs;
  uint32_t owners[3]; /* these and the next are whose who made the block */
  uint64_t owners_too[2];
  void* payload;
  void (*release)(struct leat_block* block);
  uint64_t unused[2];
} leat_block;

/* A view of a block: row-major, dense. Elements of BYTES (rank 1 and more) are pairs of uint64_t:
 * offset from the block's payload, length. */
typedef struct leat_tensor {
  leat_block* block; /* null: absent */
  void* data;
  uint64_t bytes;
  int64_t dims[8];
  int32_t full_width; /* of the picture that this is a smaller version of; 0: of this itself */
  int32_t full_height;
  uint8_t dtype; /* as leat::DType in leat/tensor.h, whose order never changes */
  uint8_t rank;
  uint8_t given; /* of an output, see leat_call */
  uint8_t reserved[29];
} leat_tensor;

typedef struct leat_dim {
  int64_t size; /* -1: not known */
  leat_text name;
} leat_dim;

typedef struct leat_type {
  uint32_t size;
  uint16_t dtypes; /* bit i: leat::DType i is allowed */
  uint8_t open;    /* more dimensions may follow */
  uint8_t image;   /* an RGB picture */
  uint32_t rank;
  uint32_t reserved;
  const leat_dim* dims;
} leat_type;

/* What a consumer needs of a picture; see leat::ImageNeed. */
typedef struct leat_image_need {
  int32_t width;
  int32_t height;
  int32_t fit;
  int32_t has_box;
  double crop;   /* 0 stands for 1 */
  double box[4]; /* left, top, right, bottom */
  double reserved[5];
} leat_image_need;

/* A parameter's value: which field counts is said by `kind`, leat::ParamValue's index. */
typedef struct leat_value {
  uint32_t kind;  /* 0: none, 1: integer, 2: real, 3: flag, 4: text, 5: reals, 6: texts */
  uint32_t count; /* of reals or texts */
  int64_t integer;
  double real;
  leat_text text;
  const double* reals;
  const leat_text* texts;
} leat_value; /* a flag is an integer, 0 or 1 */

/* ----- what a plug-in says of an operator: see leat::OpSpec */

typedef struct leat_port {
  uint32_t size;
  uint8_t optional;
  uint8_t many;
  uint16_t reserved;
  leat_text name;
  leat_text type;
  leat_text doc;
  leat_text only_with;
} leat_port;

typedef struct leat_param {
  uint32_t size;
  uint32_t type; /* as leat::ParamType, whose order never changes */
  uint32_t required;
  uint32_t choice_count;
  leat_text name;
  leat_text doc;
  const leat_value* fallback;
  double min;
  double max;
  const leat_text* choices;
} leat_param;

/* What is known when an operator is made: see leat::OpSetup. */
typedef struct leat_setup {
  uint32_t size;
  uint32_t param_count;
  const leat_text* param_names;
  const leat_value* params;
  const leat_type* const* inputs; /* null for a port that is not connected */
  const leat_type* const* wanted;
  const leat_type* const* outputs;
  const uint32_t* need_counts; /* by output */
  const leat_image_need* const* needs;
  void* context;
  /* The type of an output, narrowed. */
  void (*narrow)(void* context, uint32_t output, const leat_type* type);
  const leat_tensor* constants; /* by input; not counted for the plug-in */
  const uint8_t* used;          /* by output */
} leat_setup;

/* One run on one item: see leat::OpCall. */
typedef struct leat_call {
  uint32_t size;
  uint32_t reserved;
  const uint32_t* input_counts; /* by port: how many values came; 0: absent */
  const leat_tensor* inputs;    /* port after port; not counted for the plug-in */
  /* By port, absent at first. output() makes one; the plug-in sets what it says beside shape and
   * memory. Or the plug-in puts a tensor there with `given` 1, and with it a reference, also when
   * it then fails. */
  leat_tensor* outputs;
  void* context;
  /* Makes outputs[port]: not counted for the plug-in, which may write it until it returns. */
  int32_t (*output)(void* context, uint32_t port, uint32_t dtype, uint32_t rank,
                    const int64_t* dims, const leat_error* error);
  int32_t (*abandoned)(void* context); /* 1: nobody waits any more */
} leat_call;

typedef struct leat_op {
  uint32_t size;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t param_count;
  leat_text name;
  leat_text doc;
  const leat_port* const* inputs;
  const leat_port* const* outputs;
  const leat_param* const* params;
  /* Makes an operator for one step; *made goes to the functions below. */
  int32_t (*make)(const struct leat_op* op, const leat_setup* setup, void** made,
                  const leat_error* error);
  int32_t (*run)(void* made, const leat_call* call, const leat_error* error);
  int32_t (*need)(void* made, uint32_t input, leat_image_need* need); /* 1: it has one */
  void (*remark)(void* made, void* context, void (*put)(void* context, leat_text text));
  void (*destroy)(void* made);
} leat_op;

/* ----- the two sides. `abi` and `size` come first in every version. */

typedef struct leat_host {
  uint32_t abi;
  uint32_t size;
  leat_text version; /* of leat: "0.1.0" */
  uint32_t revision;
  uint32_t reserved;
  /* A block of at least `bytes`, with one reference; null: it failed. From any thread. */
  leat_block* (*allocate)(uint64_t bytes, const leat_error* error);
} leat_host;

typedef struct leat_plugin {
  uint32_t abi;
  uint32_t size;
  leat_text version; /* of the leat that it was built with */
  uint32_t revision;
  uint32_t op_count;
  const leat_op* const* ops;
} leat_plugin;

/* What a plug-in exports, with default visibility, as leat_plugin_open. Where host->abi is not its
 * own it looks at nothing else, and answers with its own `abi`, `size` and `version`. Null: it
 * failed. */
typedef const leat_plugin* leat_plugin_opener(const leat_host* host, const leat_error* error);

#ifdef __cplusplus
}
#endif
