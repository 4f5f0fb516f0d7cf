// Passes of two-layer networks O = sigma(XW) V, X one-hot, a tile of samples and nodes at a time: gathered, passed
// through the activation and multiplied while it is in a core's cache. Products are those of a BLAS that is handed in.
//
// Every number is computed in one order, whatever the number of threads and the other runs beside it: outputs are
// shared out by samples and gradients by nodes, so that no two threads add to the same one.

#include <algorithm>
#include <cstdint>

#ifdef _OPENMP
#include <omp.h>
#else
static int omp_get_thread_num() { return 0; }
#endif

// Compiled for several kinds of vectors; the processor's widest is taken when the library is loaded.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif
#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif

using Index = std::int64_t;

enum Activation : Index { polynomial, cube, relu, relu2 };

// What is gone through, as li2.models.fused fills it in. Arrays are contiguous, row after row.
struct Job {
    Index runs, samples, operands, inputs, width, classes;
    Index activation;
    double slope, curvature;  // of a polynomial: slope z + curvature z^2
    Index samples_at_once, nodes_at_once, threads;
    const Index* rows;  // (runs, samples, operands): the rows of W that a sample selects
    const void* W;      // (runs, inputs, width)
    const void* V;      // (runs, width, classes)
    void* scratch;      // (threads, 2 samples_at_once + 1, nodes_at_once)
    void* gemm;         // sgemm or dgemm as Fortran has it: matrices column after column
};

namespace {

// XW of one sample and some nodes; chosen: the rows of W that it selects.
template <class Real>
INLINE void gather(const Job& job, const Real* W, const Index* chosen, Index nodes, Real* __restrict__ z) {
    const Real *first = W + chosen[0] * job.width, *second = W + chosen[job.operands - 1] * job.width;
    if (job.operands == 1) std::copy_n(first, nodes, z);
    else for (Index j = 0; j < nodes; ++j) z[j] = first[j] + second[j];
    for (Index i = 1; i < job.operands - 1; ++i) {
        const Real* other = W + chosen[i] * job.width;
        for (Index j = 0; j < nodes; ++j) z[j] += other[j];
    }
}

// z becomes sigma(z); a NaN stays one.
template <class Real>
INLINE void activate(const Job& job, Real* z, Index nodes) {
    const Real a = static_cast<Real>(job.slope), b = static_cast<Real>(job.curvature), zero = 0;
    switch (job.activation) {
        case polynomial:
            for (Index j = 0; j < nodes; ++j) z[j] *= a + b * z[j];
            break;
        case cube:
            for (Index j = 0; j < nodes; ++j) z[j] *= z[j] * z[j];
            break;
        case relu:
            for (Index j = 0; j < nodes; ++j) z[j] = z[j] < zero ? zero : z[j];
            break;
        case relu2:
            for (Index j = 0; j < nodes; ++j) z[j] = z[j] < zero ? zero : z[j] * z[j];
            break;
    }
}

// A gradient in sigma(z) becomes one in z.
template <class Real>
INLINE void chain(const Job& job, Real* __restrict__ gradient, const Real* __restrict__ z, Index nodes) {
    const Real a = static_cast<Real>(job.slope), b = static_cast<Real>(2 * job.curvature), zero = 0;
    switch (job.activation) {
        case polynomial:
            for (Index j = 0; j < nodes; ++j) gradient[j] *= a + b * z[j];
            break;
        case cube:
            for (Index j = 0; j < nodes; ++j) gradient[j] *= 3 * z[j] * z[j];
            break;
        case relu:
            for (Index j = 0; j < nodes; ++j) gradient[j] = z[j] <= zero ? zero : gradient[j];
            break;
        case relu2:
            for (Index j = 0; j < nodes; ++j) gradient[j] *= z[j] <= zero ? zero : 2 * z[j];
            break;
    }
}

// sigma(XW) of some samples and nodes, into a tile.
template <class Real>
WIDEST void features(const Job& job, const Real* W, const Index* rows, Index samples, Index nodes, Real* tile) {
    for (Index s = 0; s < samples; ++s) {
        gather(job, W, rows + s * job.operands, nodes, tile + s * nodes);
        activate(job, tile + s * nodes, nodes);
    }
}

// Adds the gradients in sigma(XW) of some samples and nodes, which a tile holds, to those in W.
template <class Real>
WIDEST void scatter(const Job& job, const Real* W, const Index* rows, Index samples, Index nodes, Real* tile, Real* z,
                    Real* in_W) {
    for (Index s = 0; s < samples; ++s) {
        const Index* chosen = rows + s * job.operands;
        Real* gradient = tile + s * nodes;
        gather(job, W, chosen, nodes, z);
        chain(job, gradient, z, nodes);
        for (Index i = 0; i < job.operands; ++i) {
            Real* sum = in_W + chosen[i] * job.width;
            for (Index j = 0; j < nodes; ++j) sum[j] += gradient[j];
        }
    }
}

// left * right, or added to what is there; a side is transposed where its flag says 'T'. As a BLAS takes matrices
// column after column, the sides of row * column change places.
template <class Real>
void multiply(const Job& job, char left_flag, const Real* left, Index left_stride, char right_flag, const Real* right,
              Index right_stride, Real* result, Index rows, Index columns, Index inner, bool is_first) {
    using Gemm = void (*)(const char*, const char*, const int*, const int*, const int*, const Real*, const Real*,
                          const int*, const Real*, const int*, const Real*, Real*, const int*);
    const int m = static_cast<int>(columns), n = static_cast<int>(rows), k = static_cast<int>(inner);
    const int first = static_cast<int>(right_stride), second = static_cast<int>(left_stride);
    const Real one = 1, kept = is_first ? 0 : 1;
    reinterpret_cast<Gemm>(job.gemm)(&right_flag, &left_flag, &m, &n, &k, &one, right, &first, left, &second, &kept,
                                     result, &m);
}

// One run's arrays.
template <class Real>
struct Run {
    const Job& job;
    const Index* rows;
    const Real* W;
    const Real* V;
    Real *tile, *in_features, *row;  // of this thread

    Run(const Job& job, Index run) : job(job) {
        rows = job.rows + run * job.samples * job.operands;
        W = static_cast<const Real*>(job.W) + run * job.inputs * job.width;
        V = static_cast<const Real*>(job.V) + run * job.width * job.classes;
        const Index size = job.samples_at_once * job.nodes_at_once;
        tile = static_cast<Real*>(job.scratch) + omp_get_thread_num() * (2 * size + job.nodes_at_once);
        in_features = tile + size;
        row = in_features + size;
    }

    // Outputs of some samples.
    void forward(Real* outputs, Index sample, Index samples) const {
        for (Index node = 0; node < job.width; node += job.nodes_at_once) {
            const Index nodes = std::min(job.nodes_at_once, job.width - node);
            features(job, W + node, rows + sample * job.operands, samples, nodes, tile);
            multiply(job, 'N', tile, nodes, 'N', V + node * job.classes, job.classes, outputs + sample * job.classes,
                     samples, job.classes, nodes, node == 0);
        }
    }

    // Gradients of some nodes' weights.
    void backward(const Real* in_outputs, Real* in_W, Real* in_V, Index node, Index nodes) const {
        for (Index input = 0; input < job.inputs; ++input) std::fill_n(in_W + input * job.width + node, nodes, Real(0));
        for (Index sample = 0; sample < job.samples; sample += job.samples_at_once) {
            const Index samples = std::min(job.samples_at_once, job.samples - sample);
            const Real* of_samples = in_outputs + sample * job.classes;
            features(job, W + node, rows + sample * job.operands, samples, nodes, tile);
            multiply(job, 'T', tile, nodes, 'N', of_samples, job.classes, in_V + node * job.classes, nodes,
                     job.classes, samples, sample == 0);
            multiply(job, 'N', of_samples, job.classes, 'T', V + node * job.classes, job.classes, in_features, samples,
                     nodes, job.classes, true);
            scatter(job, W + node, rows + sample * job.operands, samples, nodes, in_features, row, in_W + node);
        }
    }
};

template <class Real>
void outputs_of(const Job& job, Real* outputs) {
    const Index parts = (job.samples + job.samples_at_once - 1) / job.samples_at_once;
#pragma omp parallel for schedule(dynamic) num_threads(job.threads) if (job.threads > 1)
    for (Index item = 0; item < job.runs * parts; ++item) {
        const Index run = item / parts, sample = item % parts * job.samples_at_once;
        Run<Real>(job, run).forward(outputs + run * job.samples * job.classes, sample,
                                    std::min(job.samples_at_once, job.samples - sample));
    }
}

template <class Real>
void gradients_of(const Job& job, const Real* in_outputs, Real* in_W, Real* in_V) {
    const Index parts = (job.width + job.nodes_at_once - 1) / job.nodes_at_once;
#pragma omp parallel for schedule(dynamic) num_threads(job.threads) if (job.threads > 1)
    for (Index item = 0; item < job.runs * parts; ++item) {
        const Index run = item / parts, node = item % parts * job.nodes_at_once;
        Run<Real>(job, run).backward(in_outputs + run * job.samples * job.classes, in_W + run * job.inputs * job.width,
                                     in_V + run * job.width * job.classes, node,
                                     std::min(job.nodes_at_once, job.width - node));
    }
}

}  // namespace

extern "C" {

void outputs_float(const Job* job, float* outputs) { outputs_of(*job, outputs); }

void outputs_double(const Job* job, double* outputs) { outputs_of(*job, outputs); }

void gradients_float(const Job* job, const float* in_outputs, float* in_W, float* in_V) {
    gradients_of(*job, in_outputs, in_W, in_V);
}

void gradients_double(const Job* job, const double* in_outputs, double* in_W, double* in_V) {
    gradients_of(*job, in_outputs, in_W, in_V);
}
}
