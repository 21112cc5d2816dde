// Verifies, then times: every FFF precision of one implementation against every dense baseline built in, on distinct
// tokens that are fresh in each call. Engines take turns, so that what disturbs one disturbs all; one thread.
//
//   fff_bench [--width 768] [--depth 11] [--batch 1,16,128,1024] [--implementation NAME] [--rounds 15] [--layers 1]
//
// Times are the thread's CPU time, which leaves out the moments another process had the core. With --layers > 1 the FFF
// calls cycle through that many layers, as a model does: cold weights. --rounds is the number of samples an engine gets.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#if defined(__linux__)
#include <unistd.h>
#endif

#include "dense.h"
#include "fff.h"

namespace {

struct Settings {
  size_t width = 768, depth = 11, rounds = 15, layers = 1;
  std::vector<size_t> batches = {1, 16, 128, 1024};
  const char* implementation = nullptr;
};

double now_microseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

std::vector<float> random_values(size_t count, double scale, uint64_t seed) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<float>((static_cast<double>(seed >> 11) * 0x1p-52 - 1.0) * scale);
  }
  return values;
}

struct Engine {
  std::string name;
  bool dense;
  std::function<void(const float*, size_t, float*)> run;
  std::vector<double> samples;  // microseconds a token
};

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

// Largest difference relative to the largest expected value.
double relative_difference(const std::vector<float>& actual, const std::vector<double>& expected) {
  double worst = 0.0, scale = 0.0;
  for (size_t i = 0; i < expected.size(); i++) {
    const double difference = std::fabs(actual[i] - expected[i]);
    worst = !(difference <= worst) ? difference : worst;
    scale = std::max(scale, std::fabs(expected[i]));
  }
  return worst / scale;
}

struct Bench {
  Settings settings;
  size_t neurons;
  double scale;
  std::vector<float> in, bias, out;

  explicit Bench(const Settings& with)
      : settings(with),
        neurons((size_t{2} << with.depth) - 1),
        scale(1.0 / std::sqrt(static_cast<double>(with.width))),
        in(random_values(neurons * with.width, scale, 1)),
        bias(random_values(neurons, scale, 2)),
        out(random_values(neurons * with.width, scale, 3)) {}

  // Float64 results of the first `tokens` tokens, dense or by tree.
  std::vector<double> reference(const std::vector<float>& input, size_t tokens, bool dense) const {
    const size_t width = settings.width;
    std::vector<double> result(tokens * width, 0.0);
    for (size_t token = 0; token < tokens; token++) {
      size_t node = 0;
      for (size_t step = 0; step < (dense ? neurons : settings.depth + 1); step++) {
        const size_t n = dense ? step : node;
        double logit = bias[n];
        for (size_t i = 0; i < width; i++) {
          logit += static_cast<double>(in[n * width + i]) * input[token * width + i];
        }
        const double activation = logit / 2 * (1 + std::erf(logit / std::sqrt(2.0)));
        for (size_t i = 0; i < width; i++) {
          result[token * width + i] += activation * out[i * neurons + n];
        }
        node = 2 * node + 1 + (logit > 0 ? 1 : 0);
      }
    }
    return result;
  }

  // Every engine against float64 on a few tokens; false when one is wrong.
  bool verified(std::vector<Engine>& engines, const std::vector<float>& tokens) const {
    bool good = true;
    const size_t count = 4;
    for (Engine& engine : engines) {
      std::vector<float> output(count * settings.width);
      engine.run(tokens.data(), count, output.data());
      const double difference = relative_difference(output, reference(tokens, count, engine.dense));
      // A 16-bit path may leave the exact one near a zero logit; then its output says nothing about arithmetic.
      const double tolerance = engine.name.find("fp32") != std::string::npos || engine.dense ? 1e-5 : 3e-2;
      const bool fine = difference <= tolerance;
      std::printf("verify %-26s difference %.1e %s\n", engine.name.c_str(), difference, fine ? "ok" : "WRONG");
      good = good && fine;
    }
    return good;
  }
};

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const char* value = argv[i + 1];
    if (key == "--width") settings.width = std::strtoul(value, nullptr, 10);
    if (key == "--depth") settings.depth = std::strtoul(value, nullptr, 10);
    if (key == "--rounds") settings.rounds = std::max(3ul, std::strtoul(value, nullptr, 10));
    if (key == "--layers") settings.layers = std::max(1ul, std::strtoul(value, nullptr, 10));
    if (key == "--implementation") settings.implementation = value;
    if (key == "--batch") {
      settings.batches.clear();
      for (const char* at = value; *at != '\0'; at += *at == ',' ? 1 : 0) {
        char* end;
        settings.batches.push_back(std::max(1ul, std::strtoul(at, &end, 10)));
        at = end == at ? at + std::strlen(at) : end;
      }
    }
  }
  return settings;
}

void measure(std::vector<Engine>& engines, const std::vector<float>& pool, size_t width, size_t batch, size_t rounds) {
  const size_t calls_in_pool = pool.size() / width / batch;
  std::vector<float> output(batch * width);
  size_t next = 0;
  const auto sample = [&](Engine& engine) {
    // At least 200 microseconds a sample: a clock read and a cold branch predictor must not show.
    size_t calls = 0;
    const double start = now_microseconds();
    double elapsed;
    do {
      engine.run(pool.data() + next * batch * width, batch, output.data());
      next = (next + 1) % calls_in_pool;
      calls++;
      elapsed = now_microseconds() - start;
    } while (elapsed < 200.0);
    return elapsed / static_cast<double>(calls * batch);
  };
  for (Engine& engine : engines) {
    engine.samples.clear();
    sample(engine);  // warm-up
  }
  for (size_t round = 0; round < rounds; round++) {
    for (Engine& engine : engines) {
      // Dense calls are long, so one an engine and round; the short ones get more chances to be undisturbed.
      for (size_t repeat = 0; repeat < (engine.dense ? 1u : 5u); repeat++) {
        engine.samples.push_back(sample(engine));
      }
    }
  }
}

void report(const std::vector<Engine>& engines, size_t batch) {
  double median = 1e300, minimum = 1e300;
  for (const Engine& engine : engines) {
    if (engine.dense) {
      median = std::min(median, quantile(engine.samples, 0.5));
      minimum = std::min(minimum, quantile(engine.samples, 0.0));
    }
  }
  std::printf("\nbatch %zu, microseconds a token\n%-26s %9s %9s %9s %14s\n", batch, "", "min", "median", "p95",
              "best dense / it (medians, minima)");
  for (const Engine& engine : engines) {
    const double mid = quantile(engine.samples, 0.5), low = quantile(engine.samples, 0.0);
    std::printf("%-26s %9.3f %9.3f %9.3f %7.1f %7.1f\n", engine.name.c_str(), low, mid,
                quantile(engine.samples, 0.95), median / mid, minimum / low);
  }
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__linux__)
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {  // OpenMP reads it before main: start over with it set
    setenv("OMP_NUM_THREADS", "1", 1);
    execv("/proc/self/exe", argv);
  }
#endif
  Bench bench(parse(argc, argv));
  const Settings& settings = bench.settings;
  const char* name = nullptr;
  const fff_status chosen = fff_choose(settings.implementation, FFF_FP32, &name);
  if (chosen != FFF_OK) {
    std::printf("%s: %s\n", name == nullptr ? "" : name, fff_status_text(chosen));
    return 1;
  }
  const fff::Implementation& implementation = *fff::find_implementation(name);
  const bench::DenseWeights dense = {settings.width, bench.neurons, bench.in.data(), bench.bias.data(), bench.out.data()};
  std::printf("implementation %s, width %zu, depth %zu, %zu neurons, %zu visited, %zu layer(s), one thread, CPU time\n",
              name, settings.width, settings.depth, bench.neurons, settings.depth + 1, settings.layers);

  std::vector<std::unique_ptr<bench::Dense>> denses;
  denses.push_back(bench::own_dense(dense, implementation));
#if defined(FFF_HAVE_OPENBLAS)
  denses.push_back(bench::openblas_dense(dense, implementation));
#else
  std::printf("missing baseline: OpenBLAS was not found when this was built\n");
#endif
#if defined(FFF_HAVE_ONEDNN)
  denses.push_back(bench::onednn_dense(dense));
#else
  std::printf("missing baseline: oneDNN was not found when this was built\n");
#endif
  const fff_weights weights = {settings.width, settings.depth, 1, bench.in.data(), bench.bias.data(), bench.out.data()};
  const char* const precisions[] = {"fp32", "bf16", "fp16", "exact-low"};
  std::vector<fff_layer*> layers;
  std::vector<Engine> engines;
  for (const auto& each : denses) {
    bench::Dense* engine = each.get();
    engines.push_back({std::string("dense ") + engine->name(), true,
                       [engine](const float* x, size_t n, float* y) { engine->forward(x, n, y); }, {}});
  }
  for (int precision = FFF_FP32; precision <= FFF_EXACT_LOW; precision++) {
    const size_t first = layers.size();
    for (size_t i = 0; i < settings.layers; i++) {
      const fff_options options = {precision, 1};
      fff_layer* layer = nullptr;
      if (fff_layer_create(settings.implementation, &weights, &options, &layer) != FFF_OK) {
        std::printf("a layer cannot be packed\n");
        return 1;
      }
      layers.push_back(layer);
    }
    const size_t cycle = settings.layers;
    size_t turn = 0;
    engines.push_back({std::string("FFF ") + precisions[precision] + " " + fff_layer_implementation(layers[first]), false,
                       [&layers, first, cycle, turn](const float* x, size_t n, float* y) mutable {
                         fff_layer_forward(layers[first + turn], x, n, y, nullptr);
                         turn = (turn + 1) % cycle;
                       },
                       {}});
  }
  const size_t largest = *std::max_element(settings.batches.begin(), settings.batches.end());
  // Uniform tokens of the variance a layer norm gives.
  const std::vector<float> pool = random_values(settings.width * std::max<size_t>(4 * largest, 4096), 1.7320508, 4);
  if (!bench.verified(engines, pool)) {
    return 1;
  }
  for (const size_t batch : settings.batches) {
    measure(engines, pool, settings.width, batch, settings.rounds);
    report(engines, batch);
  }
  for (fff_layer* layer : layers) {
    fff_layer_destroy(layer);
  }
  return 0;
}
