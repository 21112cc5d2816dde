// The dense baselines for the benchmark engine of the extension: it sends weights and tokens through a pipe and asks for
// outputs, which it verifies, and for timings, which it takes in turns with other engines.
//
// Requests on standard input, answers on standard output, one at a time; a request is a line of words, where noted
// followed by raw little-endian float32 values, and an answer begins with `ok` or with `error` and a sentence.
//   libraries                          ok own=avx512 openblas=0.3.21 ...
//   open <library> <threads> <width>   ok
//   layer <neurons> <bias 0|1>         + first [I,H], first bias [I], second [H,I], second bias [H] if 1;  ok
//   tokens <count>                     + [count,H];  ok
//   compute <first> <batch> <layer>    ok <values>  + [batch,H]
//   burst <batch> <calls>              ok <microseconds>
// A burst moves on through the tokens from call to call and takes the layers in turns; its time is wall time. The one
// client is extension/runner/benchmark/engines/nativeProgram.ts.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#endif

#include "dense.h"
#include "fff.h"
#include "memory.h"
#if defined(FFF_HAVE_OPENBLAS)
#if __has_include(<cblas-openblas.h>)
#include <cblas-openblas.h>
#else
#include <openblas/cblas.h>
#endif
#endif
#if defined(FFF_HAVE_ONEDNN)
#include <dnnl_version.h>
#endif

namespace {

// Floats a request may carry: far above any layer one would time, far below what overflows.
constexpr size_t kMostValues = size_t{1} << 31;

struct Layer {
  std::unique_ptr<bench::Dense> dense;
  std::vector<float> output_bias;
};

class Server {
 public:
  explicit Server(const fff::Implementation& implementation) : implementation_(implementation) {}

  // False at the end of the input.
  bool serve_one() {
    char line[256];
    if (std::fgets(line, sizeof line, stdin) == nullptr) {
      return false;
    }
    char library[32] = "";
    size_t a = 0, b = 0, c = 0;
    if (std::strncmp(line, "libraries", 9) == 0) {
      libraries();
    } else if (std::sscanf(line, "open %31s %zu %zu", library, &a, &b) == 3) {
      open(library, a, b);
    } else if (std::sscanf(line, "layer %zu %zu", &a, &b) == 2) {
      layer(a, b != 0);
    } else if (std::sscanf(line, "tokens %zu", &a) == 1) {
      tokens_ = read(a, width_);
      answer("ok");
    } else if (std::sscanf(line, "compute %zu %zu %zu", &a, &b, &c) == 3) {
      compute(a, b, c);
    } else if (std::sscanf(line, "burst %zu %zu", &a, &b) == 2) {
      burst(a, b);
    } else {
      answer("error the request is not known");
    }
    return true;
  }

 private:
  static void answer(const std::string& text) {
    std::fputs((text + "\n").c_str(), stdout);
    std::fflush(stdout);
  }

  // The values that follow a request. Where they do not come the pipe is out of step for good, so the program ends.
  static std::vector<float> read(size_t rows, size_t columns) {
    size_t count;
    if (!fff::multiply(rows, columns, &count) || count > kMostValues) {
      std::fprintf(stderr, "a request of %zu x %zu values is too large\n", rows, columns);
      std::exit(1);
    }
    std::vector<float> values(count);
    if (std::fread(values.data(), sizeof(float), count, stdin) != count) {
      std::exit(1);
    }
    return values;
  }

  void libraries() const {
    std::string found = std::string("ok own=") + implementation_.name;
#if defined(FFF_HAVE_OPENBLAS)
    const std::string config = openblas_get_config();  // "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."
    const size_t from = config.find(' ') + 1;
    found += " openblas=" + config.substr(from, config.find(' ', from) - from);
#endif
#if defined(FFF_HAVE_ONEDNN)
    found += " onednn=" + std::to_string(DNNL_VERSION_MAJOR) + "." + std::to_string(DNNL_VERSION_MINOR) + "." +
             std::to_string(DNNL_VERSION_PATCH);
#endif
    answer(found);
  }

  void open(const std::string& library, size_t threads, size_t width) {
    if (threads != 1) {
      answer("error the native baselines run on one thread only");
    } else if (width == 0) {
      answer("error the width must be at least 1");
    } else if (!known(library)) {
      answer("error this program was built without that library");
    } else {
      library_ = library;
      width_ = width;
      layers_.clear();
      tokens_.clear();
      answer("ok");
    }
  }

  void layer(size_t neurons, bool biased) {
    const std::vector<float> first = read(neurons, width_);
    const std::vector<float> bias = read(neurons, 1);
    const std::vector<float> second = read(neurons, width_);
    std::vector<float> output_bias = read(biased ? width_ : 0, 1);
    if (width_ == 0 || neurons == 0) {
      answer("error a layer needs an opened library and at least one neuron");
      return;
    }
    layers_.push_back({made({width_, neurons, first.data(), bias.data(), second.data()}), std::move(output_bias)});
    answer("ok");
  }

  static bool known(const std::string& library) {
#if defined(FFF_HAVE_OPENBLAS)
    if (library == "openblas") {
      return true;
    }
#endif
#if defined(FFF_HAVE_ONEDNN)
    if (library == "onednn") {
      return true;
    }
#endif
    return library == "own";
  }

  std::unique_ptr<bench::Dense> made(const bench::DenseWeights& weights) const {
#if defined(FFF_HAVE_OPENBLAS)
    if (library_ == "openblas") {
      return bench::openblas_dense(weights, implementation_);
    }
#endif
#if defined(FFF_HAVE_ONEDNN)
    if (library_ == "onednn") {
      return bench::onednn_dense(weights);
    }
#endif
    return bench::own_dense(weights, implementation_);
  }

  void run(const Layer& layer, const float* input, size_t batch) {
    output_.resize(batch * width_);
    layer.dense->forward(input, batch, output_.data());
    if (!layer.output_bias.empty()) {
      for (size_t token = 0; token < batch; token++) {
        for (size_t i = 0; i < width_; i++) {
          output_[token * width_ + i] += layer.output_bias[i];
        }
      }
    }
  }

  bool in_range(size_t first, size_t batch, size_t layer) const {
    const size_t held = width_ == 0 ? 0 : tokens_.size() / width_;
    return layer < layers_.size() && batch > 0 && batch <= held && first <= held - batch;
  }

  void compute(size_t first, size_t batch, size_t layer) {
    if (!in_range(first, batch, layer)) {
      answer("error there are no such tokens or no such layer");
      return;
    }
    run(layers_[layer], tokens_.data() + first * width_, batch);
    answer("ok " + std::to_string(output_.size()));
    std::fwrite(output_.data(), sizeof(float), output_.size(), stdout);
    std::fflush(stdout);
  }

  void burst(size_t batch, size_t calls) {
    if (!in_range(0, batch, 0)) {
      answer("error there are no such tokens or no layer");
      return;
    }
    const size_t windows = tokens_.size() / width_ / batch;
    const auto started = std::chrono::steady_clock::now();
    for (size_t call = 0; call < calls; call++, turn_++) {
      run(layers_[turn_ % layers_.size()], tokens_.data() + turn_ % windows * batch * width_, batch);
    }
    const std::chrono::duration<double, std::micro> elapsed = std::chrono::steady_clock::now() - started;
    char text[64];
    std::snprintf(text, sizeof text, "ok %.3f", elapsed.count());
    answer(text);
  }

  const fff::Implementation& implementation_;
  std::string library_;
  size_t width_ = 0, turn_ = 0;
  std::vector<Layer> layers_;
  std::vector<float> tokens_, output_;
};

}  // namespace

int main() {
#if defined(_WIN32)
  _setmode(_fileno(stdin), _O_BINARY);
  _setmode(_fileno(stdout), _O_BINARY);
#endif
  const char* name = nullptr;
  if (fff_choose(nullptr, FFF_FP32, &name) != FFF_OK) {
    std::fprintf(stderr, "no kernel implementation runs on this CPU\n");
    return 1;
  }
  Server server(*fff::find_implementation(name));
  while (server.serve_one()) {
  }
  return 0;
}
