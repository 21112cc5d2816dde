/*
 * The FFF layer as a C library: choose an implementation, pack one layer, run tokens through it.
 *
 * C linkage and plain types only, so that the addon, the tests and the bench share one door. Nothing behind this header
 * prints, aborts or lets an exception escape: every failure is a status. Nothing here knows JavaScript.
 *
 * A tree of depth d has n = 2^(d+1) - 1 nodes in heap order; a token visits d + 1 of them. At node j of tree k
 *     logit      = input_weights[k*n + j] . x + input_bias[k*n + j]
 *     activation = logit/2 * (1 + erf(logit / sqrt 2))
 *     y         += activation * output_weights[:, k*n + j]
 *     next j     = 2j + 1 + (logit > 0)        (zero, negative and NaN go left)
 * and the trees of a layer are summed.
 */
#ifndef FFF_H_
#define FFF_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Name of the environment variable that forces an implementation; unset or empty means the best supported one. */
#define FFF_FORCE_VARIABLE "FFF_FORCE_IMPLEMENTATION"

/* Deepest tree accepted: 2^25 - 1 nodes; memory ends sooner for most widths. */
#define FFF_MAX_DEPTH 24u

typedef enum fff_status {
  FFF_OK = 0,
  FFF_BAD_ARGUMENT,        /* null, misaligned (not a multiple of 4 bytes) or overlapping buffers, zero width or trees */
  FFF_SIZE_OVERFLOW,       /* a product of sizes does not fit, or the depth exceeds FFF_MAX_DEPTH */
  FFF_OUT_OF_MEMORY,
  FFF_UNKNOWN_NAME,        /* no implementation of that name is compiled in */
  FFF_UNSUPPORTED_CPU,     /* compiled in, but this CPU or operating system lacks what it needs */
  FFF_NOT_REPRESENTABLE    /* a finite weight becomes infinite in the storage precision asked for */
} fff_status;

/* How the weights are stored; sums are always float32. */
typedef enum fff_precision {
  FFF_FP32 = 0,
  FFF_BF16,
  FFF_FP16,
  FFF_EXACT_LOW /* 16-bit storage; a decision within its derived error bound is taken again in fp32: paths equal fp32's */
} fff_precision;

typedef struct fff_implementation_info {
  const char* name;
  const char* description;
  int supported; /* on this CPU, now */
  /* Multiplies in bf16 where it can: a bf16 layer then rounds tokens and activations too, and an exact-low layer has
     output weights in bf16 rather than fp16 and rounds activations. */
  int multiplies_bf16;
} fff_implementation_info;

/* One layer in checkpoint layout; rows = trees * (2^(depth+1) - 1). Read during fff_layer_create only. */
typedef struct fff_weights {
  size_t width;                /* H >= 1 */
  size_t depth;                /* 0..FFF_MAX_DEPTH */
  size_t trees;                /* K >= 1 */
  const float* input_weights;  /* [rows, H] */
  const float* input_bias;     /* [rows] */
  const float* output_weights; /* [H, rows] */
} fff_weights;

typedef struct fff_options {
  int precision;  /* an fff_precision; any other value is a bad argument */
  size_t threads; /* most threads one call may use; 0 means 1. Results do not depend on it. */
} fff_options;

/* What a forward pass may record, each [tokens, trees, depth + 1]; a null member is not recorded. */
typedef struct fff_recording {
  int32_t* nodes; /* node index within its tree, root first */
  float* logits;
  float* activations;
} fff_recording;

typedef struct fff_layer fff_layer;

/* Implementations compiled in, best first; the last is always the portable one. */
size_t fff_implementation_count(void);
fff_implementation_info fff_implementation_at(size_t index);

/*
 * Resolves an implementation: `requested`, or when null the environment's choice, or else the best supported one for
 * layers of this fff_precision.
 * On success *chosen is its name. On failure *chosen is the name that was refused (valid as long as its source).
 */
fff_status fff_choose(const char* requested, int precision, const char** chosen);

/* Packs a layer for an implementation (null: as fff_choose decides). On failure *layer is null. */
fff_status fff_layer_create(const char* implementation, const fff_weights* weights, const fff_options* options,
                            fff_layer** layer);
void fff_layer_destroy(fff_layer* layer); /* null is allowed */

/* Name of the implementation that runs the layer; null for a null layer. */
const char* fff_layer_implementation(const fff_layer* layer);

/* Bytes the layer holds. */
size_t fff_layer_bytes(const fff_layer* layer);

/*
 * Runs `tokens` rows of [tokens, H] through the layer into [tokens, H]. Buffers need float alignment only and must not
 * overlap; with zero tokens none is touched. `recording` may be null. Calls on the same layer may run concurrently.
 */
fff_status fff_layer_forward(const fff_layer* layer, const float* input, size_t tokens, float* output,
                             const fff_recording* recording);

/* One English clause for a status. */
const char* fff_status_text(fff_status status);

#ifdef __cplusplus
}
#endif

#endif /* FFF_H_ */
